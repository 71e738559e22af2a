package worker

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// FuzzInfer: whatever a body and its header's length are, with the credential or in a
// function's frame, there is one answer of the protocol's, and no row is left.
func FuzzInfer(f *testing.F) {
	w, err := open(f.Context(), voting, launch.Setup{Stages: stage.Range{Last: 2}, MaxBatch: 2, Need: []time.Duration{0, time.Second, 0}}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.close(time.Minute) })
	l := standard
	l.body = 1 << 20
	s := newServer(w, secret, l)
	for _, r := range []*wire.Request{
		{Plain: true, Inputs: []stage.Tensor{rows(0, 1, 2, 2)}},
		{Plain: true, Outputs: []string{"serflow_exit"}, Inputs: []stage.Tensor{rows(0, 1, 2, 2, 1, 1, 1, 1)}},
		{Fingerprint: w.fingerprint, Stages: stage.Range{Last: 2}, Inputs: []stage.Tensor{rows(0, 1, 2, 2, 1, 1, 1, 1)}},
		{Fingerprint: w.fingerprint, Stages: stage.Range{Last: 1}, Remaining: 1, Inputs: []stage.Tensor{rows(0, 1, 2, 2)}},
		{Fingerprint: w.fingerprint, Stages: stage.Range{Last: 2}, Remaining: time.Millisecond, Inputs: []stage.Tensor{rows(0, 1, 2, 2)}},
		{Fingerprint: w.fingerprint, Stages: stage.Range{First: 1, Last: 2}, Exits: []exit.Policy{exit.Patience(2), exit.Final()}, States: []exit.State{{Class: 1, Run: 1}}, Inputs: []stage.Tensor{rows(1, 1, 1, 9)}},
		{Fingerprint: "other", Inputs: []stage.Tensor{stage.Strings("x", []int64{1}, []string{"text"})}},
	} {
		body, n, err := wire.EncodeRequest(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strconv.Itoa(n), body, false)
		f.Add("", wire.Pack(n, body), true)
		f.Add(strconv.Itoa(n+1), body, false)
		f.Add("", body, false)
		f.Add(strconv.Itoa(n), body[:len(body)-1], false)
	}
	f.Add("", []byte(`{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[0,0,0,0]}]}`), false)
	f.Add("", []byte(`{"inputs":[{"name":"x","shape":[65536,0],"datatype":"FP32","data":[]}]}`), false)
	f.Add("x", []byte{}, true)
	f.Fuzz(func(t *testing.T, headerLength string, body []byte, framed bool) {
		path := "/v2/models/votes/infer"
		if framed {
			path = launch.InvokePath
		}
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header[wire.HeaderLength] = []string{headerLength}
		rw := httptest.NewRecorder()
		s.ServeHTTP(rw, r)
		answer := rw.Body.Bytes()
		n, err := wire.ParseHeaderLength(rw.Header().Get(wire.HeaderLength))
		if framed && rw.Code == http.StatusOK {
			n, answer, err = wire.Unpack(answer)
		}
		if err != nil || n > len(answer) {
			t.Fatalf("header length %d of %d, %v", n, len(answer), err)
		}
		if n < 0 {
			n = len(answer)
		}
		if rw.Code < 200 || rw.Code > 599 || !json.Valid(answer[:n]) {
			t.Fatalf("status %d: %s", rw.Code, answer)
		}
		if rw.Code >= 500 && wire.DecodeError(rw.Code, answer).Code == wire.Internal {
			t.Errorf("our own mistake: %s", answer)
		}
		if s.load() != 0 || len(s.jobs) != 0 || len(s.calls) != 0 {
			t.Errorf("%d rows and %d calls are left", s.load(), len(s.calls))
		}
	})
}

// FuzzStart: whatever a child is told, it serves or says why not.
func FuzzStart(f *testing.F) {
	f.Add(startLine(launch.VM, "127.0.0.1:0"))
	f.Add(strings.TrimSpace(startLine(launch.Function, "[::1]:0")))
	f.Add("{}\nrest")
	f.Add(`{"kind":"vm","setup":"{\"slots\":99999999999,\"need\":[1,-1]}","pace":1e308}`)
	f.Add(`{"setup":"{\"stages\":{\"First\":-9223372036854775808,\"Last\":9223372036854775807}}"}`)
	f.Add(`{"setup":"{\"window\":9223372036854775807,\"maxBatch\":9223372036854775807,\"limit\":9223372036854775807}","pace":-1}`)
	f.Add(`{"setup":"{\"stages\":{\"Last\":2},\"maxBatch\":4,\"curve\":[[5,6],null,[9,-1]]}"}`)
	f.Add("null")
	f.Add("\n")
	f.Fuzz(func(t *testing.T, text string) {
		start, rest, err := readStart(strings.NewReader(text))
		if err != nil {
			return
		}
		if _, after, found := strings.Cut(text, "\n"); found {
			if got, _ := io.ReadAll(rest); string(got) != after {
				t.Errorf("what comes after is %q, want %q", got, after)
			}
		}
		setup, err := launch.ParseSetup(start.Setup)
		if err != nil {
			return
		}
		if again, err := launch.ParseSetup(setup.String()); err != nil || again.String() != setup.String() {
			t.Errorf("%s is read again as %s, %v", setup, again, err)
		}
		setup.Window = min(setup.Window, time.Millisecond) // or else it is waited for
		w, err := open(t.Context(), voting, setup, start.Pace)
		if err != nil {
			return
		}
		if _, err := w.answers(t.Context(), 0, 0, 0, 0); err != nil && codeOf(err) != wire.Full {
			t.Errorf("%s: %v", setup, err)
		}
		if err := w.close(time.Minute); err != nil {
			t.Error(err)
		}
	})
}
