package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// raw sends the very bytes of a request, of which each line but the body is given without
// its end, and returns the answer. The credential is added.
func raw(t *testing.T, r *rig, head, body string) (*http.Response, []byte) {
	t.Helper()
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") + "\r\nHost: worker\r\nAuthorization: Bearer " + secret + "\r\n\r\n"
	return exchange(t, r, head+body)
}

// exchange sends bytes on a connection of their own, and reads one answer.
func exchange(t *testing.T, r *rig, text string) (*http.Response, []byte) {
	t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, text)
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return resp, answer
}

// What a client of the Open Inference Protocol sees that knows nothing of ours.
func TestProtocolJSON(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	const two = `{"id":"42","inputs":[{"name":"x","shape":[2,4],"datatype":"FP32","data":[[0,1,2,2],[1,0,0,0]]}]`
	for _, c := range []struct{ request, answer string }{
		{two + `,"outputs":[{"name":"serflow_class"},{"name":"serflow_exit"}]}`,
			`{"model_name":"votes","id":"42","outputs":[{"name":"serflow_class","shape":[2],"datatype":"INT64","data":[2,1]},{"name":"serflow_exit","shape":[2],"datatype":"INT64","data":[2,0]}]}`},
		{two + `,"outputs":[{"name":"logits"}]}`,
			`{"model_name":"votes","id":"42","outputs":[{"name":"logits","shape":[2,3],"datatype":"FP32","data":[0,0,10,0,10,0]}]}`},
	} {
		resp, answer := raw(t, r, "POST /v2/models/votes/infer HTTP/1.1\nContent-Length: "+strconv.Itoa(len(c.request)), c.request)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get(wire.HeaderLength) != "" || string(answer) != c.answer {
			t.Errorf("status %d, %v: %s; want %s", resp.StatusCode, resp.Header, answer, c.answer)
		}
	}
	// All that every row has: x is of the last stage alone, and one row did not get there.
	resp, answer := raw(t, r, fmt.Sprintf("POST /v2/models/votes/versions/1/infer HTTP/1.1\nContent-Length: %d", len(two)+1), two+"}")
	var reply struct {
		Outputs []struct{ Name, DataType string }
	}
	if err := json.Unmarshal(answer, &reply); err != nil || resp.StatusCode != 200 {
		t.Fatal(err, resp.StatusCode)
	}
	if got := fmt.Sprint(reply.Outputs); got != "[{logits FP32} {serflow_exit INT64} {serflow_class INT64} {serflow_confidence FP64}]" {
		t.Error(got)
	}
}

func TestProtocolBinary(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	const header = `{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],"outputs":[{"name":"logits","parameters":{"binary_data":true}},{"name":"serflow_class","parameters":{"binary_data":true}}]}`
	data := binary16(1, 0, 0, 0)
	body := header + data
	head := fmt.Sprintf("POST /v2/models/votes/infer HTTP/1.1\nContent-Type: application/octet-stream\nInference-Header-Content-Length: %d\n", len(header))
	want := `{"model_name":"votes","outputs":[{"name":"logits","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}},{"name":"serflow_class","shape":[1],"datatype":"INT64","parameters":{"binary_data_size":8}}]}`
	for name, request := range map[string]struct{ head, body string }{
		"with a length": {head + fmt.Sprintf("Content-Length: %d", len(body)), body},
		"in chunks":     {head + "Transfer-Encoding: chunked", fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", body[:5], len(body)-5, body[5:])},
	} {
		resp, answer := raw(t, r, request.head, request.body)
		n, _ := strconv.Atoi(resp.Header.Get("Inference-Header-Content-Length"))
		if resp.StatusCode != 200 || n < len(want) || n > len(answer) || resp.Header.Get("Content-Type") != "application/octet-stream" {
			t.Fatalf("%s: status %d, %v: %s", name, resp.StatusCode, resp.Header, answer)
		}
		if got := strings.TrimRight(string(answer[:n]), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got, want := answer[n:], binary16(0, 10, 0)+"\x01\x00\x00\x00\x00\x00\x00\x00"; string(got) != want {
			t.Errorf("%s: % x, want % x", name, got, want)
		}
	}
}

// binary16 is values as the binary extension has FP32.
func binary16(values ...float32) (text string) {
	for _, v := range values {
		text += string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
	}
	return text
}

func TestDocuments(t *testing.T) {
	r := start(t, voting, launch.Setup{Stages: stage.Range{First: 1, Last: 2}})
	r.peak = func() int64 { return 1 << 20 }
	model := `{"name":"votes","versions":["1"],"platform":"serflow","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],` +
		`"outputs":[{"name":"x","datatype":"FP32","shape":[-1,4]},{"name":"logits","datatype":"FP32","shape":[-1,3]},` +
		`{"name":"serflow_exit","datatype":"INT64","shape":[-1]},{"name":"serflow_class","datatype":"INT64","shape":[-1]},{"name":"serflow_confidence","datatype":"FP64","shape":[-1]}],` +
		`"parameters":{"serflow_version":1,"serflow_fingerprint":"` + r.fingerprint + `","serflow_first":1,"serflow_last":2,"serflow_peak_bytes":1048576}}`
	for path, want := range map[string]string{
		"/v2":                               `{"name":"serflow","version":"1","extensions":["binary_tensor_data","serflow_stages"]}`,
		"/v2/models/votes":                  model,
		"/v2/models/votes/versions/1":       model,
		"/v2/health/live":                   "",
		"/v2/health/ready":                  "",
		"/v2/models/votes/ready":            "",
		"/v2/models/votes/versions/1/ready": "",
	} {
		resp, answer := raw(t, r, "GET "+path+" HTTP/1.1", "")
		if resp.StatusCode != 200 || string(answer) != want {
			t.Errorf("%s: status %d, %s; want %s", path, resp.StatusCode, answer, want)
		}
		if head, answer := raw(t, r, "HEAD "+path+" HTTP/1.1", ""); head.StatusCode != 200 || len(answer) > 0 || want != "" && head.ContentLength != resp.ContentLength {
			t.Errorf("HEAD %s: status %d, %d bytes, length %d", path, head.StatusCode, len(answer), head.ContentLength)
		}
	}
}

// A name of a model may be anything; of stages that do not say what they give nothing is told.
func TestNames(t *testing.T) {
	m := stage.NewModel("a/b c?ä..", stage.New("only", nil, exit.Final()))
	m.Stages[0].Source = stage.Func("1", func(_ context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		return []stage.Tensor{{Name: "y", DType: stage.FP32, Shape: in[0].Shape, Data: in[0].Data}}, nil
	})
	r := start(t, m, wholeOf(m))
	if err := r.remote.Check(t.Context()); err != nil {
		t.Error(err)
	}
	body, _ := wire.EncodeJSONRequest(nil, &wire.Request{Plain: true, Inputs: []stage.Tensor{rows(1, 2, 3, 4)}})
	_, answer := raw(t, r, fmt.Sprintf("POST /v2/models/a%%2Fb%%20c%%3F%%C3%%A4../infer HTTP/1.1\nContent-Length: %d", len(body)), string(body))
	if _, text := raw(t, r, "GET /v2/models/a%2Fb%20c%3F%C3%A4.. HTTP/1.1", ""); !strings.Contains(string(text), `"inputs":[],"outputs":[]`) {
		t.Errorf("%s", text)
	}
	if want := `{"model_name":"a/b c?ä..","outputs":[{"name":"y","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},{"name":"serflow_exit","shape":[1],"datatype":"INT64","data":[0]},{"name":"serflow_class","shape":[1],"datatype":"INT64","data":[-1]},{"name":"serflow_confidence","shape":[1],"datatype":"FP64","data":[0]}]}`; string(answer) != want {
		t.Errorf("%s, want %s", answer, want)
	}
}

// wanted is what a call is to end in.
type wanted struct {
	status int
	code   wire.Code
}

// Whatever is wrong with a call, its answer says what, in the protocol's form.
func TestRefusals(t *testing.T) {
	setup := wholeOf(voting)
	setup.Limit = 8
	r := start(t, voting, setup, func(l *limits) { l.body = 1 << 16 })
	good := &wire.Request{Fingerprint: r.fingerprint, Stages: stage.Range{Last: 2}, Inputs: []stage.Tensor{rows(0, 0, 0, 0)}}
	body := func(change func(*wire.Request)) func() (string, string) {
		return func() (string, string) {
			q := *good
			change(&q)
			b, n, err := wire.EncodeRequest(nil, &q)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("POST /v2/models/votes/infer HTTP/1.1\n%s: %d\nContent-Length: %d", wire.HeaderLength, n, len(b)), string(b)
		}
	}
	text := func(head, body string) func() (string, string) {
		return func() (string, string) {
			return head, body
		}
	}
	infer := func(body string) func() (string, string) {
		return text(fmt.Sprintf("POST /v2/models/votes/infer HTTP/1.1\nContent-Length: %d", len(body)), body)
	}
	for name, c := range map[string]struct {
		request func() (head, body string)
		want    wanted
	}{
		"good":             {body(func(*wire.Request) {}), wanted{200, ""}},
		"another model":    {body(func(q *wire.Request) { q.Fingerprint = "f00" }), wanted{409, wire.Fingerprint}},
		"beyond the model": {body(func(q *wire.Request) { q.Stages.Last = 3 }), wanted{400, wire.Invalid}},
		"final too early":  {body(func(q *wire.Request) { q.Stages.Last, q.Exits = 0, []exit.Policy{exit.Final()} }), wanted{400, wire.Invalid}},
		"no final":         {body(func(q *wire.Request) { q.Stages.First, q.Exits = 2, []exit.Policy{exit.MaxProb(1)} }), wanted{400, wire.Invalid}},
		"a wrong name": {body(func(q *wire.Request) {
			q.Inputs = []stage.Tensor{stage.Float32("y", []int64{1, 4}, make([]float32, 4))}
		}), wanted{400, wire.Invalid}},
		"a wrong shape": {body(func(q *wire.Request) {
			q.Inputs = []stage.Tensor{stage.Float32("x", []int64{1, 3}, make([]float32, 3))}
		}), wanted{400, wire.Invalid}},
		"more than ever fits": {body(func(q *wire.Request) { q.Inputs = []stage.Tensor{rows(make([]float32, 9*4)...)} }), wanted{413, wire.TooLarge}},
		"a body too large":    {infer(strings.Repeat(" ", 1<<16+1)), wanted{413, wire.TooLarge}},
		"chunks too large":    {text("POST /v2/models/votes/infer HTTP/1.1\nTransfer-Encoding: chunked", "20000\r\n"+strings.Repeat(" ", 0x20000)), wanted{413, wire.TooLarge}},
		"no body":             {text("POST /v2/models/votes/infer HTTP/1.1", ""), wanted{400, wire.Invalid}},
		"no JSON":             {infer("inputs=1"), wanted{400, wire.Invalid}},
		"no inputs":           {infer("{}"), wanted{400, wire.Invalid}},
		"compressed":          {text("POST /v2/models/votes/infer HTTP/1.1\nContent-Encoding: gzip\nContent-Length: 3", "xyz"), wanted{400, wire.Invalid}},
		"header too long":     {text("POST /v2/models/votes/infer HTTP/1.1\nInference-Header-Content-Length: 4\nContent-Length: 2", "{}"), wanted{400, wire.Invalid}},
		"header no number":    {text("POST /v2/models/votes/infer HTTP/1.1\nInference-Header-Content-Length: -1\nContent-Length: 2", "{}"), wanted{400, wire.Invalid}},
		"another version":     {infer(`{"parameters":{"serflow_version":2},"inputs":[]}`), wanted{400, wire.BadVersion}},
		"no such output":      {infer(`{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[0,0,0,0]}],"outputs":[{"name":"y"}]}`), wanted{400, wire.Invalid}},
		"no such model":       {text("GET /v2/models/other HTTP/1.1", ""), wanted{404, wire.NotFound}},
		"no such version":     {text("POST /v2/models/votes/versions/2/infer HTTP/1.1\nContent-Length: 2", "{}"), wanted{404, wire.NotFound}},
		"no such path":        {text("GET /v3 HTTP/1.1", ""), wanted{404, wire.NotFound}},
		"GET infer":           {text("GET /v2/models/votes/infer HTTP/1.1", ""), wanted{405, wire.Invalid}},
		"POST ready":          {text("POST /v2/health/ready HTTP/1.1\nContent-Length: 0", ""), wanted{405, wire.Invalid}},
		"no frame":            {text("POST /serflow/v1/invoke HTTP/1.1\nContent-Length: 4", "SFW1"), wanted{200, wire.Invalid}},
		"a frame too large":   {text("POST /serflow/v1/invoke HTTP/1.1\nContent-Length: 99999", strings.Repeat(" ", 99999)), wanted{200, wire.TooLarge}},
		"a frame in gzip":     {text("POST /serflow/v1/invoke HTTP/1.1\nContent-Encoding: gzip\nContent-Length: 3", "xyz"), wanted{200, wire.Invalid}},
	} {
		head, body := c.request()
		resp, answer := raw(t, r, head, body)
		if c.want.code == "" {
			if resp.StatusCode != 200 {
				t.Errorf("%s: status %d: %s", name, resp.StatusCode, answer)
			}
			continue
		}
		if _, inside, err := wire.Unpack(answer); err == nil {
			answer = inside
		}
		if got := wire.DecodeError(0, answer); resp.StatusCode != c.want.status || got.Code != c.want.code || !json.Valid(answer) {
			t.Errorf("%s: status %d, %s; want %v", name, resp.StatusCode, answer, c.want)
		}
		if allow := resp.Header.Get("Allow"); (allow != "") != (resp.StatusCode == 405) {
			t.Errorf("%s: Allow %q", name, allow)
		}
	}
}

func TestCredential(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	before := r.contact.Load()
	for _, authorization := range []string{"", "Authorization: Bearer", "Authorization: Bearer wrong", "Authorization: " + secret, "Authorization: Bearer " + secret + "x", "Authorization: Basic " + secret} {
		for _, path := range []string{"/v2", "/v2/health/ready", "/v2/models/votes/infer", "/serflow/v1/drain", "/serflow/v1/invoke", "/nowhere"} {
			head := "POST " + path + " HTTP/1.1\r\nHost: worker\r\nContent-Length: 0\r\n"
			if authorization != "" {
				head += authorization + "\r\n"
			}
			resp, answer := exchange(t, r, head+"\r\n")
			if e := wire.DecodeError(0, answer); resp.StatusCode != 401 || e.Code != wire.Unauthorized || resp.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%q at %s: status %d, %s", authorization, path, resp.StatusCode, answer)
			}
		}
	}
	if r.contact.Load() != before || r.draining {
		t.Error("a stranger is taken for the owner")
	}
	if resp, _ := exchange(t, r, "GET /v2/health/live HTTP/1.1\r\nHost: worker\r\n\r\n"); resp.StatusCode != 200 {
		t.Errorf("live: status %d", resp.StatusCode)
	}
	if resp, _ := exchange(t, r, "GET /v2 HTTP/1.1\r\nHost: worker\r\nauthorization: bearer "+secret+"\r\n\r\n"); resp.StatusCode != 200 {
		t.Errorf("in lower case: status %d", resp.StatusCode)
	}
}

// A body that ends early is answered, if there still is somebody to answer.
func TestTruncatedBody(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v2/models/votes/infer HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{}", secret)
	c.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Fatal(resp, err)
	}
	answer, _ := io.ReadAll(resp.Body)
	if e := wire.DecodeError(0, answer); e.Code != wire.Invalid || !strings.Contains(e.Message, "ends early") {
		t.Error(e)
	}
}

// Headers are limited too.
func TestLongHeader(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	resp, _ := exchange(t, r, "GET /v2 HTTP/1.1\r\nHost: worker\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// Functions' carriers know bodies only.
func TestInvoke(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	body, n, err := wire.EncodeRequest(nil, &wire.Request{ID: "f", Fingerprint: r.fingerprint, Stages: stage.Range{Last: 2}, Inputs: []stage.Tensor{rows(1, 1, 1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	frame := wire.Pack(n, body)
	resp, answer := raw(t, r, fmt.Sprintf("POST %s HTTP/1.1\nContent-Length: %d", launch.InvokePath, len(frame)), string(frame))
	n, answer, err = wire.Unpack(bytes.Clone(answer))
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, err)
	}
	reply, refused, err := wire.DecodeAnswer(answer, n, 1, stage.Range{Last: 2}, wire.Limits{})
	if err != nil || refused != nil || reply.ID != "f" || reply.Parts[0].Class[0] != 1 {
		t.Errorf("%+v, %v, %v", reply, refused, err)
	}
}
