package worker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

func TestMain(m *testing.M) {
	if os.Getenv(launch.Environment) != "" {
		asChild()
	}
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

const secret = "fleet's"

// votes is a stage whose input is x: the class that each of three exits finds, and the exit
// at which the row is sure of it. Sure rows have a confidence of 0.9999, others of about 0.4.
func votes(k int) stage.RunFunc {
	return func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil || in[0].Name != "x" || len(x) != 4*rows {
			return nil, fmt.Errorf("%w: want x, FP32 of 4 values a row", stage.ErrInput)
		}
		logits := make([]float32, 3*rows)
		for i := range rows {
			row := x[4*i : 4*i+4]
			class := min(max(int(row[k]), 0), 2)
			if logits[3*i+class] = 0.3; int(row[3]) <= k {
				logits[3*i+class] = 10
			}
		}
		return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), 3}, logits)}, nil
	}
}

// described is a stage that says what it takes and gives.
type described struct {
	stage.RunFunc
	in, out []stage.Port
}

func (d described) Open(context.Context) (stage.Runner, error) { return d, nil }
func (d described) Fingerprint() (string, error)               { return "described", nil }
func (d described) Close() error                               { return nil }
func (d described) Ports() (in, out []stage.Port)              { return d.in, d.out }
func (d described) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return d.RunFunc(ctx, rows, in)
}

var (
	portX      = stage.Port{Name: "x", DType: stage.FP32, Shape: []int64{-1, 4}}
	portLogits = stage.Port{Name: stage.Logits, DType: stage.FP32, Shape: []int64{-1, 3}}
)

var voting = modelOf("votes", votes(0), votes(1), votes(2))

// modelOf has exits that take a row which is sure.
func modelOf(name string, stages ...stage.RunFunc) stage.Model {
	m := stage.Model{Name: name}
	for k, run := range stages {
		policy := exit.MaxProb(0.9)
		if k == len(stages)-1 {
			policy = exit.Final()
		}
		m.Stages = append(m.Stages, stage.New(string(rune('a'+k)), described{run, []stage.Port{portX}, []stage.Port{portX, portLogits}}, policy))
	}
	return m
}

// rows is a batch for the model votes.
func rows(x ...float32) stage.Tensor {
	return stage.Float32("x", []int64{int64(len(x) / 4), 4}, x)
}

// wholeOf is a setup for a model.
func wholeOf(m stage.Model) launch.Setup {
	return launch.Setup{Stages: stage.Range{Last: len(m.Stages) - 1}}
}

// rig is a worker behind HTTP on loopback.
type rig struct {
	*server
	h       *http.Server
	address string
	client  *http.Client
	remote  *remote.Worker
	end     func()
}

// start serves a model until the end of the test.
func start(t testing.TB, m stage.Model, setup launch.Setup, change ...func(*limits)) *rig {
	t.Helper()
	l := standard
	for _, f := range change {
		f(&l)
	}
	w, err := open(t.Context(), m, setup, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(w, secret, l)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: s, h: s.http(), address: socket.Addr().String()}
	served := make(chan struct{})
	go func() {
		defer close(served)
		r.h.Serve(socket)
	}()
	transport := remote.NewTransport()
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.remote = remote.Dial(r.address, remote.Options{Model: m.Name, Fingerprint: w.fingerprint, Credential: secret, Transport: transport})
	r.end = sync.OnceFunc(func() {
		if err := s.end(r.h); err != nil {
			t.Error(err)
		}
		<-served
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		r.end()
	})
	return r
}

// ask sends rows through all stages.
func (r *rig) ask(ctx context.Context, x ...float32) (remote.Reply, error) {
	return r.remote.Run(ctx, remote.Request{Stages: r.setup.Load().Stages, Inputs: []stage.Tensor{rows(x...)}})
}

// asking does so on a goroutine of its own.
func (r *rig) asking(ctx context.Context, x ...float32) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		reply, err := r.ask(ctx, x...)
		done <- outcome{reply, err}
	}()
	return done
}

type outcome struct {
	reply remote.Reply
	err   error
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// gate is a stage that waits to be let on, and then votes.
type gate struct {
	entered chan []stage.Tensor // what it was given
	on      chan struct{}
	heed    bool // the context
	mu      sync.Mutex
	batches []int // rows of each
}

func newGate() *gate {
	return &gate{entered: make(chan []stage.Tensor, 100), on: make(chan struct{}, 100)}
}

func (g *gate) run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	g.mu.Lock()
	g.batches = append(g.batches, rows)
	g.mu.Unlock()
	g.entered <- in
	done := ctx.Done()
	if !g.heed {
		done = nil
	}
	select {
	case <-g.on:
		return votes(0)(ctx, rows, in)
	case <-done:
		return nil, ctx.Err()
	}
}

// ran is the rows of the batches that have been run.
func (g *gate) ran() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.batches)
}

// codeOf is the code of an error of the worker's.
func codeOf(err error) wire.Code { return wireError(err).Code }
