package serflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// plainWorker answers requests as a worker does, without a queue: the rows of one go all the same way,
// that of the first.
type plainWorker struct {
	stages      *compute.Stages
	fingerprint string
	setup       launch.Setup
	times       func(k int) time.Duration       // that it takes for stage k; nil to take none
	batches     func(k, rows int) time.Duration // the same, by rows
	idle        atomic.Int32                    // requests that nobody waits for
	deaf        bool                            // to what exits are asked beside, as workers of an earlier release are

	old bool // it cannot be set up anew, as workers of an earlier release

	entered [8]atomic.Int64 // requests, by the stage that they begin with

	mu     sync.Mutex
	setups []launch.Setup // beside that of its launch
}

// serves is the stages that it was last set up for.
func (w *plainWorker) serves() stage.Range {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.setups); n > 0 {
		return w.setups[n-1].Stages
	}
	return w.setup.Stages
}

// setUp takes another setup.
func (w *plainWorker) setUp(rw http.ResponseWriter, body []byte) {
	if w.old {
		refuse(rw, &wire.Error{Code: wire.NotFound, Message: "nothing at this path"})
		return
	}
	setup, err := launch.ParseSetup(string(body))
	if err != nil || setup.Stages.Last > w.stages.Last() || setup.Slots != w.setup.Slots {
		refuse(rw, &wire.Error{Code: wire.Invalid, Message: "it cannot be"})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setups = append(w.setups, setup)
}

func newPlainWorker(m stage.Model) *plainWorker {
	fingerprint, err := m.Fingerprint()
	if err != nil {
		panic(err)
	}
	stages, err := compute.Open(context.Background(), m, func(_, _ string, err error) error { return err })
	if err != nil {
		panic(err)
	}
	return &plainWorker{stages: stages, fingerprint: fingerprint}
}

// answer takes a body to its reply.
func (w *plainWorker) answer(body []byte, headerLength int) ([]byte, int, *wire.Error) {
	r, err := wire.DecodeRequest(body, headerLength, wire.Limits{})
	switch {
	case err != nil:
		return nil, 0, err.(*wire.Error)
	case r.Fingerprint != w.fingerprint:
		return nil, 0, &wire.Error{Code: wire.Fingerprint, Message: "another model"}
	case r.Stages.Last > w.stages.Last():
		if held, err := stage.Data[int64](r.Inputs[0]); err == nil {
			time.Sleep(time.Duration(held[0]))
		}
		return nil, 0, &wire.Error{Code: wire.Invalid, Message: "no such stage"}
	}
	w.entered[r.Stages.First].Add(1)
	state := exit.State{}
	if len(r.States) > 0 {
		state = r.States[0]
	}
	if r.Idle {
		w.idle.Add(1)
	}
	part, seen, err := w.run(r, state)
	if w.batches != nil {
		w.times = func(k int) time.Duration { return w.batches(k, r.Rows()) }
	}
	if err != nil {
		code := wire.StageFailed
		if errors.Is(err, stage.ErrInput) && !errors.Is(err, stage.ErrFailed) {
			code = wire.Invalid
		}
		return nil, 0, &wire.Error{Code: code, Message: err.Error()}
	}
	reply := &wire.Reply{ID: r.ID, Model: w.stages.Model.Name, Service: time.Millisecond, Parts: []wire.Part{part}}
	if len(seen) > 0 && !w.deaf {
		reply.Seen = [][]wire.Seen{seen}
	}
	for k := r.Stages.First; k <= part.Stage && w.times != nil && (part.Exited || k < part.Stage); k++ {
		reply.Times = append(reply.Times, w.times(k))
	}
	if w.times != nil {
		reply.Service = 0
		for _, t := range reply.Times {
			reply.Service += t
		}
		time.Sleep(reply.Service)
	}
	out, n, err := wire.EncodeReply(nil, reply)
	if err != nil {
		panic(err)
	}
	return out, n, nil
}

func (w *plainWorker) run(r wire.Request, state exit.State) (_ wire.Part, seen []wire.Seen, _ error) {
	batch, all := r.Inputs, make([]int, r.Rows())
	for i := range all {
		all[i] = i
	}
	for k := r.Stages.First; k <= r.Stages.Last; k++ {
		out, err := w.stages.Run(context.Background(), k, len(all), batch)
		if err != nil {
			return wire.Part{}, nil, err
		}
		o, err := w.stages.Split(k, len(all), out)
		if err != nil {
			return wire.Part{}, nil, err
		}
		if len(r.Asked) > 0 {
			a := o.Decide(r.Asked[k-r.Stages.First], 0, state)
			seen = append(seen, wire.Seen{Class: a.Class, Score: a.Score})
		}
		d := o.Decide(r.Exits[k-r.Stages.First], 0, state)
		if d.Leave {
			answer := []stage.Tensor{*o.Logits}
			if k == w.stages.Last() {
				answer = append(answer, o.Rest...)
			}
			return wire.Part{Rows: all, Exited: true, Stage: k, Class: slices.Repeat([]int{d.Class}, len(all)), Confidence: slices.Repeat([]float64{d.Confidence}, len(all)), Outputs: answer}, seen, nil
		}
		batch, state = o.Rest, d.State
	}
	return wire.Part{Rows: all, Stage: r.Stages.Last + 1, States: slices.Repeat([]exit.State{state}, len(all)), Outputs: batch}, seen, nil
}

// frame is answer for a function.
func (w *plainWorker) frame(frame []byte) []byte {
	n, body, err := wire.Unpack(frame)
	if err != nil {
		panic(err)
	}
	out, n, refusal := w.answer(body, n)
	if refusal != nil {
		out, n = wire.EncodeError(nil, refusal), -1
	}
	return wire.Pack(n, out)
}

// ServeHTTP is a worker on a VM.
func (w *plainWorker) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+w.setup.Credential {
		refuse(rw, &wire.Error{Code: wire.Unauthorized, Message: "another credential"})
		return
	}
	if r.Method == http.MethodGet {
		if strings.HasSuffix(r.URL.Path, "/ready") {
			return
		}
		json.NewEncoder(rw).Encode(wire.ModelMetadata{
			Name:       w.stages.Model.Name,
			Parameters: wire.ModelParameters{Version: wire.Version, Fingerprint: w.fingerprint, First: w.setup.Stages.First, Last: w.setup.Stages.Last, Peak: 200 << 20},
		})
		return
	}
	body, err := io.ReadAll(r.Body)
	if r.URL.Path == launch.SetupPath {
		w.setUp(rw, body)
		return
	}
	n, lengthErr := wire.ParseHeaderLength(r.Header.Get(wire.HeaderLength))
	if err = errors.Join(err, lengthErr); err != nil {
		return // the client has gone
	}
	out, n, refusal := w.answer(body, n)
	if refusal != nil {
		refuse(rw, refusal)
		return
	}
	rw.Header().Set(wire.HeaderLength, strconv.Itoa(n))
	rw.Write(out)
}

func refuse(rw http.ResponseWriter, e *wire.Error) {
	rw.WriteHeader(e.Code.Status())
	rw.Write(wire.EncodeError(nil, e))
}

// skies is a mock cloud whose VMs and functions are workers in memory. It counts the calls
// of the provider, and can break it at any of them.
type skies struct {
	*mock.Provider
	model     stage.Model
	onVM      func(ctx context.Context, vm string) error // before a VM answers a request
	onSetup   func(ctx context.Context, vm string) error // before a VM is set up anew
	onCall    func() error                               // before a function answers
	workerOf  func(vm providers.Instance) *plainWorker   // nil for the model's
	functions *plainWorker
	frozen    atomic.Bool  // VMs answer nothing at all
	stuck     atomic.Bool  // VMs say that a stage of theirs is
	noPorts   atomic.Bool  // no connection can be made
	dearer    atomic.Int64 // what prices of VMs are multiplied by, if it is not 0
	dear      string       // the only offer that this is about; all if it is empty

	refuse string // an offer of which there are no VMs

	mu       sync.Mutex
	setups   map[string]launch.Setup // by token
	workers  map[string]*plainWorker // by address, of VMs that run
	inFlight map[string]context.Context
	calls    int
	before   func(call int, op string) error // of the provider; an error is returned instead
	after    func(call int, op string)
	most     int // VMs at one time
}

// newSkies sells vmOffer, or others, and functionOffer.
func newSkies(t testing.TB, m stage.Model, config *mock.Config, offers ...provisioner.VMOffer) *skies {
	t.Helper()
	s := &skies{model: m, setups: map[string]launch.Setup{}, workers: map[string]*plainWorker{}, inFlight: map[string]context.Context{}, functions: newPlainWorker(m)}
	var world simulate.World
	if config != nil {
		w, err := mock.NewWorld(*config, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		world = w
	}
	var err error
	s.Provider, err = mock.Open(mock.Options{
		World: world, VMs: append(offers, vmOffer), Functions: []provisioner.FunctionOffer{functionOffer},
		VM: s.run,
		Function: func(body []byte) ([]byte, error) {
			if s.onCall != nil {
				if err := s.onCall(); err != nil {
					return nil, err
				}
			}
			return s.functions.frame(body), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run is the life of a VM.
func (s *skies) run(ctx context.Context, vm providers.Instance) {
	w := newPlainWorker(s.model)
	if s.workerOf != nil {
		w = s.workerOf(vm)
	}
	s.mu.Lock()
	w.setup = s.setups[vm.Token]
	s.workers[vm.Address], s.inFlight[vm.Address] = w, ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	delete(s.workers, vm.Address)
	s.mu.Unlock()
}

// RoundTrip takes a request to a VM.
func (s *skies) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	w, life := s.workers[r.URL.Host], s.inFlight[r.URL.Host]
	s.mu.Unlock()
	if w == nil {
		return nil, errors.New("connection refused")
	}
	if s.noPorts.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
	}
	if s.stuck.Load() && strings.HasSuffix(r.URL.Path, "/ready") {
		rec := &recorded{header: http.Header{}}
		refuse(rec, &wire.Error{Code: wire.StageFailed, Message: "a stage has not returned"})
		return rec.response(r), nil
	}
	if s.frozen.Load() {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if r.URL.Path == launch.SetupPath {
		if s.onSetup != nil {
			if err := s.onSetup(r.Context(), strings.TrimSuffix(r.URL.Host, ".mock")); err != nil {
				return nil, err
			}
		}
	} else if s.onVM != nil && r.Method == http.MethodPost {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		if err := s.onVM(ctx, strings.TrimSuffix(r.URL.Host, ".mock")); err != nil {
			return nil, err
		}
	}
	if life.Err() != nil {
		return nil, errors.New("connection reset")
	}
	rec := &recorded{header: http.Header{}, status: http.StatusOK}
	w.ServeHTTP(rec, r)
	return rec.response(r), nil
}

type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) response(to *http.Request) *http.Response {
	return &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: to}
}

func (r *recorded) Header() http.Header             { return r.header }
func (r *recorded) WriteHeader(status int)          { r.status = status }
func (r *recorded) Write(b []byte) (n int, _ error) { return r.body.Write(b) }

// call counts an operation of the provider, and tells whether it is broken.
func (s *skies) call(op string) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.calls
	s.calls++
	if s.before != nil {
		err = s.before(n, op)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.after != nil {
			s.after(n, op)
		}
	}, err
}

// hook sets what is called before and after each operation, one at a time.
func (s *skies) hook(before func(int, string) error, after func(int, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// skyVMs and skyFunctions are the provider as a pipeline sees it.
type (
	skyVMs struct {
		*mock.VMs
		s *skies
	}
	skyFunctions struct {
		*mock.Functions
		s *skies
	}
)

func (s *skies) vms() providers.VMs           { return skyVMs{s.VMs(), s} }
func (s *skies) lambdas() providers.Functions { return skyFunctions{s.Functions(), s} }
func (s *skies) on() serflow.Option           { return serflow.On(s.vms(), s.lambdas()) }
func (s *skies) left(t *testing.T) (left []string) {
	t.Helper()
	vms, err := s.VMs().List(context.Background(), "test")
	functions, err2 := s.Functions().List(context.Background(), "test")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, vm := range vms {
		left = append(left, vm.ID)
	}
	for _, f := range functions {
		left = append(left, f.ID)
	}
	return left
}

func (v skyVMs) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	setup, err := launch.ParseSetup(l.Setup)
	if err != nil {
		panic(err)
	}
	v.s.mu.Lock()
	v.s.setups[l.Token] = setup
	v.s.mu.Unlock()
	if v.s.refuse == l.Offer.Name {
		return nil, fmt.Errorf("%w: %q", providers.ErrInsufficientCapacity, l.Offer.Name)
	}
	done, err := v.s.call("launch")
	if err != nil {
		return nil, err
	}
	defer done()
	instances, err := v.VMs.Launch(ctx, l)
	all, _ := v.VMs.List(context.Background(), l.Owner)
	v.s.mu.Lock()
	v.s.most = max(v.s.most, len(all))
	v.s.mu.Unlock()
	return instances, err
}

func (v skyVMs) Offers(ctx context.Context) ([]provisioner.VMOffer, error) {
	offers, err := v.VMs.Offers(ctx)
	for i := range offers {
		if factor := v.s.dearer.Load(); factor > 0 && (v.s.dear == "" || v.s.dear == offers[i].Name) {
			offers[i].PerHour *= float64(factor)
		}
	}
	return offers, err
}

func (v skyVMs) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	done, err := v.s.call("list")
	if err != nil {
		return nil, err
	}
	defer done()
	return v.VMs.List(ctx, owner)
}

func (v skyVMs) End(ctx context.Context, id string) error {
	done, err := v.s.call("end")
	if err != nil {
		return err
	}
	defer done()
	return v.VMs.End(ctx, id)
}

func (f skyFunctions) Ensure(ctx context.Context, spec providers.FunctionSpec) (providers.Function, error) {
	done, err := f.s.call("ensure")
	if err != nil {
		return providers.Function{}, err
	}
	defer done()
	return f.Functions.Ensure(ctx, spec)
}

func (f skyFunctions) Invoke(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
	done, err := f.s.call("invoke")
	if err != nil {
		return providers.Invocation{}, err
	}
	defer done()
	return f.Functions.Invoke(ctx, id, body)
}

func (f skyFunctions) List(ctx context.Context, owner string) ([]providers.Function, error) {
	done, err := f.s.call("list functions")
	if err != nil {
		return nil, err
	}
	defer done()
	return f.Functions.List(ctx, owner)
}

func (f skyFunctions) Remove(ctx context.Context, id string) error {
	done, err := f.s.call("remove")
	if err != nil {
		return err
	}
	defer done()
	return f.Functions.Remove(ctx, id)
}

var generous = provisioner.Limits{VMs: 4, PerHour: 10, PerDay: 10}

// options are what a pipeline in the skies needs, and more.
func (s *skies) options(more ...serflow.Option) []serflow.Option {
	return append([]serflow.Option{s.on(), serflow.Owner("test"), serflow.Limits(generous), serflow.Transport(s)}, more...)
}

func (s *skies) open(t *testing.T, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	p, err := serflow.Open(ctx, s.model, s.options(more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// closed closes a pipeline and its cloud, and with them a bubble.
func (s *skies) closed(t *testing.T, p *serflow.Pipeline) {
	t.Helper()
	if p != nil {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Provider.Close(); err != nil {
		t.Error(err)
	}
}

func vmIDs(p *serflow.Pipeline) (ids []string) {
	for _, vm := range p.Stats().VMs {
		ids = append(ids, vm.ID)
	}
	return ids
}

// typed fails the test unless an error is a complete *serflow.Error that wraps a sentinel.
func typed(t *testing.T, what string, err, want error) {
	t.Helper()
	var e *serflow.Error
	if !errors.Is(err, want) || !errors.As(err, &e) {
		t.Errorf("%s: %v, want a *serflow.Error with %v", what, err, want)
		return
	}
	for name, field := range map[string]string{"stage": e.Stage, "group": e.Group, "provider": e.Provider, "remedy": e.Remedy} {
		if field == "" {
			t.Errorf("%s: %v: it names no %s", what, err, name)
		}
	}
}
