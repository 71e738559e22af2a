package fakeaws

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is a sandbox that is a program. It gets its calls from a runtime API of its own: see
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
type process struct {
	cmd      *exec.Cmd
	api      *httptest.Server
	function string // its ARN
	calls    chan []byte
	answers  chan answered
	asked    chan struct{} // closed when it asks for its first call
	failed   chan error    // its initialisation
	exited   chan struct{} // closed when it is gone
	err      error         // with which it ended, then
	deadline time.Time     // of the call that runs
	ending   sync.Once
}

type answered struct {
	body []byte
	err  error
}

const runtimeAPI = "/2018-06-01/runtime/"

// start starts a program, and waits until it asks for its first call.
func start(cmd *exec.Cmd, function string) (sandbox, error) {
	p := &process{
		cmd: cmd, function: function, calls: make(chan []byte), answers: make(chan answered, 1),
		asked: make(chan struct{}), failed: make(chan error, 1), exited: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"invocation/next", p.next())
	mux.HandleFunc("POST "+runtimeAPI+"invocation/{id}/response", p.answer)
	mux.HandleFunc("POST "+runtimeAPI+"invocation/{id}/error", p.answer)
	mux.HandleFunc("POST "+runtimeAPI+"init/error", func(w http.ResponseWriter, r *http.Request) {
		p.failed <- reported(r)
		w.WriteHeader(http.StatusAccepted)
	})
	p.api = httptest.NewServer(mux)
	cmd.Env = append(cmd.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(p.api.URL, "http://"))
	if err := cmd.Start(); err != nil {
		p.api.Close()
		return nil, &failure{"Runtime.InvalidEntrypoint", err.Error()}
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	select {
	case <-p.asked:
		return p, nil
	case <-p.exited:
	}
	p.end()
	select {
	case err := <-p.failed:
		return nil, err
	default:
		return nil, exited(p.err)
	}
}

// next hands over a call.
func (p *process) next() http.HandlerFunc {
	first := sync.OnceFunc(func() { close(p.asked) })
	return func(w http.ResponseWriter, r *http.Request) {
		first()
		select {
		case payload := <-p.calls:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", "8f5")
			h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(p.deadline.UnixMilli()))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", p.function)
			w.Write(payload)
		case <-r.Context().Done():
		}
	}
}

// answer takes what a call has come to.
func (p *process) answer(w http.ResponseWriter, r *http.Request) {
	var a answered
	if strings.HasSuffix(r.URL.Path, "/error") {
		a.err = reported(r)
	} else if a.body, a.err = io.ReadAll(r.Body); a.err != nil || r.PathValue("id") != "8f5" {
		http.Error(w, "no such call", http.StatusBadRequest)
		return
	}
	p.answers <- a
	w.WriteHeader(http.StatusAccepted)
}

// reported is an error as a program tells it.
func reported(r *http.Request) error {
	var e struct{ ErrorMessage, ErrorType string }
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		return err
	}
	return &own{e.ErrorType, e.ErrorMessage}
}

func (p *process) call(payload []byte, limit time.Duration) ([]byte, error) {
	over := time.NewTimer(limit)
	defer over.Stop()
	p.deadline = time.Now().Add(limit)
	select {
	case p.calls <- payload:
	case <-p.exited:
		return nil, exited(p.err)
	}
	select {
	case a := <-p.answers:
		return a.body, a.err
	case <-p.exited:
		return nil, exited(p.err)
	case <-over.C:
		return nil, timedOut(limit)
	}
}

// end kills the program.
func (p *process) end() {
	p.ending.Do(func() {
		p.cmd.Process.Kill()
		<-p.exited
		p.api.CloseClientConnections()
		p.api.Close()
	})
}
