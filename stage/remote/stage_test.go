package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

func open(t *testing.T, m stage.Model) *serflow.Pipeline {
	t.Helper()
	p, err := serflow.Open(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// same holds two pipelines to the same answers, one by one and in a batch.
func same(t *testing.T, got, want *serflow.Pipeline) {
	t.Helper()
	batch, err := got.InferBatch(t.Context(), batchOf(samples...))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range samples {
		sample := stage.Float32("x", []int64{4}, x)
		a, err := got.Infer(t.Context(), sample)
		if err != nil {
			t.Fatal(err)
		}
		b, err := want.Infer(t.Context(), sample)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []serflow.Result{a, batch[i]} {
			if r.Exit != b.Exit || r.Class != b.Class || r.Confidence != b.Confidence || !reflect.DeepEqual(r.Output(stage.Logits), b.Output(stage.Logits)) || !reflect.DeepEqual(r.Output("x"), b.Output("x")) {
				t.Errorf("%v: exit %d, class %d at %v; want exit %d, class %d at %v", x, r.Exit, r.Class, r.Confidence, b.Exit, b.Class, b.Confidence)
			}
		}
	}
}

// remotely is the model of three stages, each of which a server computes.
func remotely(a, b exit.Policy, source func(k int) stage.Source) stage.Model {
	return stage.NewModel("votes", stage.New("a", source(0), a), stage.New("b", source(1), b), stage.New("c", source(2), exit.Final()))
}

// Stages that a server computes answer as stages in process do: the exits are here.
func TestStage(t *testing.T) {
	workers := [3]string{}
	for k := range workers {
		workers[k] = spawn(t, fmt.Sprint("votes", k))
	}
	plain, extended := serve(t, &independent{}), serve(t, &independent{binary: true})
	for name, source := range map[string]func(k int) stage.Source{
		"our workers": func(k int) stage.Source {
			return remote.Stage(workers[k], fmt.Sprint("votes", k), remote.Credential(secret), remote.Transport(transport(t)))
		},
		"a server of JSON": func(k int) stage.Source {
			return remote.Stage(plain, fmt.Sprint("votes", k), remote.Transport(transport(t)))
		},
		"a server of binary": func(k int) stage.Source {
			return remote.Stage(extended, fmt.Sprint("votes", k), nil, remote.Transport(transport(t)))
		},
	} {
		for _, policy := range []exit.Policy{exit.MaxProb(0.9), exit.Patience(2), exit.Never()} {
			t.Run(fmt.Sprint(name, " ", policy.Kind), func(t *testing.T) {
				same(t, open(t, remotely(policy, policy, source)), open(t, voting(policy, policy)))
			})
		}
	}
}

// What is wrong with a server is found when the model is opened, and says so.
func TestStageThatCannotBeOpened(t *testing.T) {
	answer := func(path string, status int, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				(&independent{}).ServeHTTP(rw, r)
				return
			}
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
	down := serve(t, http.NotFoundHandler())
	for name, c := range map[string]struct {
		url, model string
		want       error
	}{
		"no server":       {"127.0.0.1:1", "votes0", remote.ErrUnavailable},
		"no address":      {"http://[", "votes0", remote.ErrUnavailable},
		"no such model":   {serve(t, &independent{}), "other", remote.ErrNotFound},
		"another thing":   {down, "votes0", remote.ErrNotFound},
		"not ready":       {serve(t, answer("/v2/models/votes0/ready", 503, "")), "votes0", remote.ErrRefused},
		"no credential":   {serve(t, answer("/v2", 401, "")), "votes0", remote.ErrUnauthorized},
		"no JSON":         {serve(t, answer("/v2", 200, "<html>")), "votes0", remote.ErrProtocol},
		"no metadata":     {serve(t, answer("/v2/models/votes0", 200, "<html>")), "votes0", remote.ErrProtocol},
		"an unknown type": {serve(t, answer("/v2/models/votes0", 200, `{"inputs":[{"name":"x","datatype":"FP7","shape":[]}]}`)), "votes0", remote.ErrProtocol},
		"no logits":       {serve(t, answer("/v2/models/votes0", 200, `{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,3]}]}`)), "votes0", stage.ErrModel},
	} {
		m := remotely(exit.MaxProb(0.9), exit.Never(), func(int) stage.Source { return remote.Stage(c.url, c.model, remote.Transport(transport(t))) })
		if p, err := serflow.Open(t.Context(), m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			if err == nil {
				p.Close()
			}
		}
	}
}

// What goes wrong in a call is an error of the stage, or the caller's.
func TestStageThatFails(t *testing.T) {
	var how atomic.Value // of http.HandlerFunc
	url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/infer") {
			io.Copy(io.Discard, r.Body)
			how.Load().(http.HandlerFunc)(rw, r)
			return
		}
		(&independent{}).ServeHTTP(rw, r)
	}))
	m := remotely(exit.MaxProb(0.9), exit.Never(), func(k int) stage.Source {
		return remote.Stage(url, fmt.Sprint("votes", k), remote.Transport(transport(t)))
	})
	p := open(t, m)
	answer := func(status int, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
	sample := stage.Float32("x", []int64{4}, samples[0])
	for name, c := range map[string]struct {
		how  http.HandlerFunc
		want []error
	}{
		"it refuses the input":  {answer(400, `{"error":"expected 5 values"}`), []error{serflow.ErrInput}},
		"it fails":              {answer(500, `{"error":"out of memory"}`), []error{serflow.ErrStage}},
		"it is overloaded":      {answer(503, ``), []error{serflow.ErrStage, remote.ErrRefused}},
		"it answers garbage":    {answer(200, "garbage"), []error{serflow.ErrStage, remote.ErrProtocol}},
		"it answers nothing":    {answer(200, ""), []error{serflow.ErrStage, remote.ErrProtocol}},
		"it answers other rows": {answer(200, `{"outputs":[{"name":"logits","shape":[2,1],"datatype":"FP32","data":[1,2]}]}`), []error{serflow.ErrStage, remote.ErrProtocol}},
		"it breaks off":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []error{serflow.ErrStage, remote.ErrUnavailable}},
	} {
		how.Store(c.how)
		_, err := p.Infer(t.Context(), sample)
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	how.Store(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if _, err := p.Infer(ctx, sample); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// What JSON cannot carry is not sent.
	nan := stage.Tensor{Name: "x", DType: stage.FP16, Shape: []int64{4}, Data: make([]byte, 8)}
	if _, err := p.Infer(t.Context(), nan); !errors.Is(err, serflow.ErrInput) {
		t.Errorf("FP16 as JSON: %v", err)
	}
}

func TestStageFingerprint(t *testing.T) {
	of := func(s stage.Source) string {
		f, err := s.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	base := of(remote.Stage("http://a", "m"))
	if of(remote.Stage("http://b", "m", remote.Credential("c"))) != base {
		t.Error("where the server is changes the fingerprint")
	}
	if of(remote.Stage("http://a", "n")) == base || of(remote.Stage("http://a", "m", remote.Version("2"))) == base {
		t.Error("the model or its version does not")
	}
}
