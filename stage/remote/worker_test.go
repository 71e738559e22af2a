package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// dial makes a client of a worker that a test plays.
func dial(t *testing.T, address string) *remote.Worker {
	return remote.Dial(address, remote.Options{Model: "votes", Fingerprint: "f00", Credential: secret, Transport: transport(t)})
}

// one is a request of one row.
func one() remote.Request {
	return remote.Request{Stages: stage.Range{Last: 2}, Inputs: []stage.Tensor{batchOf(samples[0])}}
}

// replyTo answers a request as a worker would: its row leaves at the first stage.
func replyTo(t *testing.T, body []byte, headerLength int) ([]byte, int) {
	r, err := wire.DecodeRequest(body, headerLength, wire.Limits{})
	if err != nil {
		t.Error(err)
		return nil, -1
	}
	answer, n, err := wire.EncodeReply(nil, &wire.Reply{ID: r.ID, Model: "votes", Parts: []wire.Part{{Rows: []int{0}, Exited: true, Class: []int{7}, Confidence: []float64{1}, Outputs: r.Inputs}}})
	if err != nil {
		t.Error(err)
	}
	return answer, n
}

// plays is a worker that answers rightly.
func plays(t *testing.T) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n, _ := strconv.Atoi(r.Header.Get(wire.HeaderLength))
		answer, n := replyTo(t, body, n)
		rw.Header().Set(wire.HeaderLength, strconv.Itoa(n))
		rw.Write(answer)
	}
}

// A range of stages at once, in another process, answers as it would in this one; and so do
// the halves of a range, one after the other, with the states of the rows.
func TestRunAsInProcess(t *testing.T) {
	address := spawn(t, "whole")
	model := served("whole") // its exits are two of patience 2
	fingerprint, err := model.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	w := remote.Dial(address, remote.Options{Model: "votes", Fingerprint: fingerprint, Credential: secret, Transport: transport(t)})
	if err := w.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, policy := range []exit.Policy{exit.Patience(2), exit.MaxProb(0.9), exit.Margin(0.1), exit.Never()} {
		exits := []exit.Policy{policy, policy, exit.Final()}
		want, err := open(t, voting(policy, policy)).InferBatch(t.Context(), batchOf(samples...))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := w.Run(t.Context(), remote.Request{Stages: stage.Range{Last: 2}, Exits: exits, Inputs: []stage.Tensor{batchOf(samples...)}})
		if err != nil {
			t.Fatal(err)
		}
		agree(t, fmt.Sprint(policy.Kind, " in one call"), resultsOf(whole, nil), want)
		for cut := range 2 {
			first, err := w.Run(t.Context(), remote.Request{Stages: stage.Range{Last: cut}, Exits: exits[:cut+1], Inputs: []stage.Tensor{batchOf(samples...)}})
			if err != nil {
				t.Fatal(err)
			}
			got := resultsOf(first, nil)
			if rest := first.Parts[len(first.Parts)-1]; !rest.Exited {
				second, err := w.Run(t.Context(), remote.Request{Stages: stage.Range{First: cut + 1, Last: 2}, Exits: exits[cut+1:], States: rest.States, Inputs: rest.Outputs})
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, resultsOf(second, rest.Rows)...)
			}
			agree(t, fmt.Sprint(policy.Kind, " cut after stage ", cut), got, want)
		}
	}
	// Without exits of its own a request has the worker's.
	own, err := w.Run(t.Context(), remote.Request{Stages: stage.Range{Last: 2}, Inputs: []stage.Tensor{batchOf(samples[3])}})
	if err != nil || own.Parts[0].Stage != 1 {
		t.Errorf("%+v, %v", own, err)
	}
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Check(t.Context()); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("drained: %v", err)
	}
	if _, err := w.Run(t.Context(), one()); !errors.Is(err, remote.ErrFingerprint) && !errors.Is(err, remote.ErrRefused) {
		t.Errorf("drained: %v", err)
	}
}

// rowResult is what became of a row.
type rowResult struct {
	row, exit, class int
	confidence       float64
	logits           stage.Tensor
}

// resultsOf is the rows of a reply that have left; rows are their names, if not their indices.
func resultsOf(r remote.Reply, rows []int) (list []rowResult) {
	for _, p := range r.Parts {
		for i, row := range p.Rows {
			if rows != nil {
				row = rows[row]
			}
			if p.Exited {
				for _, t := range p.Outputs {
					if t.Name == stage.Logits {
						list = append(list, rowResult{row, p.Stage, p.Class[i], p.Confidence[i], stage.Row(t, i)})
					}
				}
			}
		}
	}
	return list
}

func agree(t *testing.T, what string, got []rowResult, want []serflow.Result) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows of %d", what, len(got), len(want))
	}
	for _, g := range got {
		if w := want[g.row]; g.exit != w.Exit || g.class != w.Class || g.confidence != w.Confidence || !reflect.DeepEqual(g.logits, w.Output(stage.Logits)) {
			t.Errorf("%s: %+v, want %+v", what, g, w)
		}
	}
}

// Every code of a worker's has its error, by HTTP and in a frame.
func TestCodes(t *testing.T) {
	for code, want := range map[wire.Code]error{
		wire.Invalid: stage.ErrInput, wire.TooLarge: stage.ErrInput, wire.StageFailed: stage.ErrFailed, wire.Internal: stage.ErrFailed,
		wire.Full: remote.ErrRefused, wire.Draining: remote.ErrRefused, wire.Late: remote.ErrRefused,
		wire.Unauthorized: remote.ErrUnauthorized, wire.NotFound: remote.ErrNotFound, wire.Fingerprint: remote.ErrFingerprint, wire.BadVersion: remote.ErrVersion,
	} {
		text := wire.EncodeError(nil, &wire.Error{Code: code, Message: "because of this"})
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(code.Status())
			rw.Write(text)
		})))
		_, byHTTP := w.Run(t.Context(), one())
		_, inFrame := remote.Over(t.Context(), one(), func(context.Context, []byte) ([]byte, error) { return wire.Pack(-1, text), nil })
		for _, err := range []error{byHTTP, inFrame, w.Check(t.Context()), w.Drain(t.Context())} {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), "because of this") {
				t.Errorf("%s: %v, want %v", code, err, want)
			}
		}
	}
	for status, want := range map[int]error{
		204: remote.ErrProtocol, 301: remote.ErrProtocol, 404: remote.ErrNotFound, 429: remote.ErrRefused, 500: stage.ErrFailed,
		502: remote.ErrUnavailable, 503: remote.ErrRefused, 504: remote.ErrUnavailable, 403: remote.ErrUnauthorized,
	} {
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })))
		if _, err := w.Run(t.Context(), one()); !errors.Is(err, want) {
			t.Errorf("status %d: %v, want %v", status, err, want)
		}
	}
}

// What a worker says of its stage is said once, by whatever carries it.
func TestFailedOnce(t *testing.T) {
	text := wire.EncodeError(nil, &wire.Error{Code: wire.StageFailed, Message: fmt.Sprint(fmt.Errorf("%w: panic at x.go:1", stage.ErrFailed))})
	_, err := remote.Over(t.Context(), one(), func(context.Context, []byte) ([]byte, error) { return wire.Pack(-1, text), nil })
	if !errors.Is(err, stage.ErrFailed) || fmt.Sprint(err) != "stage failed: panic at x.go:1" {
		t.Error(err)
	}
}

// What cannot be sent is not sent.
func TestBadRequests(t *testing.T) {
	called := false
	w := dial(t, serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })))
	for name, change := range map[string]func(*remote.Request){
		"no inputs":     func(r *remote.Request) { r.Inputs = nil },
		"no rows":       func(r *remote.Request) { r.Inputs = []stage.Tensor{stage.Float32("x", []int64{0, 4}, nil)} },
		"no stages":     func(r *remote.Request) { r.Stages.Last = -1 },
		"a short input": func(r *remote.Request) { r.Inputs[0].Data = r.Inputs[0].Data[1:] },
		"an exit short": func(r *remote.Request) { r.Exits = []exit.Policy{exit.Final()} },
		"time is over":  func(r *remote.Request) { r.Remaining = -1 },
		"too many bytes": func(r *remote.Request) {
			r.Inputs = []stage.Tensor{{Name: "x", DType: stage.Uint8, Shape: []int64{1, wire.LongestBody}, Data: make([]byte, wire.LongestBody)}}
		},
	} {
		r := one()
		change(&r)
		_, err := w.Run(t.Context(), r)
		_, over := remote.Over(t.Context(), r, func(context.Context, []byte) ([]byte, error) { called = true; return nil, nil })
		if !errors.Is(err, stage.ErrInput) || !errors.Is(over, stage.ErrInput) || called {
			t.Errorf("%s: %v, %v", name, err, over)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Run(ctx, one()); !errors.Is(err, context.Canceled) || called {
		t.Error(err)
	}
	if err := dial(t, "http://[").Check(t.Context()); !errors.Is(err, remote.ErrUnavailable) {
		t.Error(err)
	}
}

// The time left is the request's or the context's, whichever is less.
func TestRemaining(t *testing.T) {
	var got atomic.Int64
	w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n, _ := strconv.Atoi(r.Header.Get(wire.HeaderLength))
		q, _ := wire.DecodeRequest(body, n, wire.Limits{})
		got.Store(int64(q.Remaining))
		answer, n := replyTo(t, body, n)
		rw.Header().Set(wire.HeaderLength, strconv.Itoa(n))
		rw.Write(answer)
	})))
	for _, c := range []struct{ request, context, least, most time.Duration }{
		{0, 0, 0, 0}, {time.Hour, 0, time.Hour, time.Hour}, {time.Minute, time.Hour, time.Minute, time.Minute},
		{time.Hour, time.Minute, time.Second, time.Minute}, {0, time.Minute, time.Second, time.Minute},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if c.context > 0 {
			ctx, cancel = context.WithTimeout(ctx, c.context)
		}
		r := one()
		r.Remaining = c.request
		if _, err := w.Run(ctx, r); err != nil {
			t.Error(err)
		}
		cancel()
		if left := time.Duration(got.Load()); left < c.least || left > c.most {
			t.Errorf("%+v: %v was sent", c, left)
		}
	}
}

// Calls one after the other share a connection, whatever they end in.
func TestConnectionsAreReused(t *testing.T) {
	var conns, calls atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%2 == 0 {
			io.Copy(io.Discard, r.Body)
			rw.WriteHeader(429)
			return
		}
		plays(t)(rw, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	w := dial(t, s.URL)
	for i := range 10 {
		if _, err := w.Run(t.Context(), one()); (err == nil) != (i%2 == 0) {
			t.Error(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A connection that the server has closed in the meantime costs nothing.
func TestClosedConnectionIsReplaced(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 2 { // as if it had been closed just before the call came
			panic(http.ErrAbortHandler)
		}
		plays(t)(rw, r)
	}))
	defer s.Close()
	w := dial(t, s.URL)
	for range 3 {
		if _, err := w.Run(t.Context(), one()); err != nil {
			t.Error(err)
		}
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("%d calls", n)
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		metadata string
		want     error
	}{
		"ours":               {`{"parameters":{"serflow_version":1,"serflow_fingerprint":"f00","serflow_last":2}}`, nil},
		"another model":      {`{"parameters":{"serflow_version":1,"serflow_fingerprint":"bad"}}`, remote.ErrFingerprint},
		"another version":    {`{"parameters":{"serflow_version":2,"serflow_fingerprint":"f00"}}`, remote.ErrVersion},
		"some OIP server":    {`{"name":"votes"}`, remote.ErrVersion},
		"something else":     {`<html>`, remote.ErrProtocol},
		"ours with nonsense": {`{"parameters":{"serflow_version":1,"serflow_fingerprint":"f00","serflow_last":-2}}`, remote.ErrProtocol},
	} {
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/models/votes" {
				io.WriteString(rw, c.metadata)
			}
		})))
		if err := w.Check(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := dial(t, l.Addr().String()).Check(t.Context()); !errors.Is(err, remote.ErrUnavailable) {
		t.Error(err)
	}
}

// Where a server is may be a URL with a path, and a model's name may hold anything.
func TestURLs(t *testing.T) {
	var path atomic.Value
	base := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { path.Store(r.RequestURI) }))
	for _, c := range []struct{ base, model, want string }{
		{base, "m", "/v2/models/m/infer"},
		{base + "/", "m", "/v2/models/m/infer"},
		{base + "/a%2Fb/", "m", "/a%2Fb/v2/models/m/infer"},
		{strings.TrimPrefix(base, "http://"), "a/b?c#d e%", "/v2/models/a%2Fb%3Fc%23d%20e%25/infer"},
	} {
		w := remote.Dial(c.base, remote.Options{Model: c.model, Transport: transport(t)})
		if _, err := w.Run(t.Context(), one()); !errors.Is(err, remote.ErrProtocol) {
			t.Error(err)
		}
		if got := path.Load(); got != c.want {
			t.Errorf("%s, model %s: %s, want %s", c.base, c.model, got, c.want)
		}
	}
}

// What a carrier says or brings back.
func TestOver(t *testing.T) {
	good := func(_ context.Context, frame []byte) ([]byte, error) {
		n, body, err := wire.Unpack(frame)
		if err != nil {
			t.Error(err)
		}
		answer, n := replyTo(t, body, n)
		return wire.Pack(n, answer), nil
	}
	r := one()
	r.Fingerprint = "f00"
	if reply, err := remote.Over(t.Context(), r, good); err != nil || reply.Parts[0].Class[0] != 7 {
		t.Errorf("%+v, %v", reply, err)
	}
	broken := &url.Error{Op: "carry", Err: io.ErrUnexpectedEOF}
	if _, err := remote.Over(t.Context(), r, func(context.Context, []byte) ([]byte, error) { return nil, broken }); err != error(broken) {
		t.Error(err)
	}
	for name, frame := range map[string][]byte{
		"nothing": nil, "garbage": []byte("garbage, and long enough"), "no body": wire.Pack(-1, nil), "no JSON": wire.Pack(-1, []byte("x")),
		"a header that lies": append([]byte("SFW1\xff\xff\xff\xff"), "{}"...), "other JSON": wire.Pack(-1, []byte("{}")),
	} {
		if _, err := remote.Over(t.Context(), r, func(context.Context, []byte) ([]byte, error) { return frame, nil }); !errors.Is(err, remote.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
