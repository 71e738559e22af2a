package serflow_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// patient has exits that look at more than one stage: what they remember must travel.
var patient = stage.NewModel("patient",
	stage.New("a", stage.Func("1", vote(0)), exit.MaxProb(0.95)),
	stage.New("b", stage.Func("1", vote(1)), exit.Patience(2)),
	stage.New("c", stage.Func("1", vote(2)), exit.Patience(3)),
	stage.New("d", stage.Func("1", vote(3)), exit.Patience(2)),
	stage.New("e", stage.Func("1", vote(4)), exit.Final()),
)

// vote says the class that a sample has for a stage, and passes the sample on, changed.
func vote(k int) stage.RunFunc {
	return func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		logits, next := make([]float32, 3*rows), make([]float32, len(x))
		for i := range rows {
			logits[3*i+int(x[5*i+k])%3] = x[5*i+4]
			for j := range 5 {
				next[5*i+j] = x[5*i+j] + 3
			}
		}
		return []stage.Tensor{stage.Float32(stage.Logits, []int64{int64(rows), 3}, logits), stage.Float32("x", []int64{int64(rows), 5}, next)}, nil
	}
}

// A plan of several groups answers as one process does, and what a request is and
// remembers travels between them.
func TestGroupsAnswerAsOneProcess(t *testing.T) {
	at := func(first, last int) stage.Range { return stage.Range{First: first, Last: last} }
	vms := func(r ...stage.Range) (groups []provisioner.VMGroup) {
		for _, r := range r {
			groups = append(groups, provisioner.VMGroup{Stages: r, Offer: vmOffer, VMs: 1})
		}
		return groups
	}
	functions := func(r ...stage.Range) (groups []provisioner.FunctionGroup) {
		for _, r := range r {
			groups = append(groups, provisioner.FunctionGroup{Stages: r, Offer: functionOffer})
		}
		return groups
	}
	for name, plan := range map[string]provisioner.Plan{
		"a group a stage":     {Generation: 7, VMs: vms(at(0, 0), at(1, 1), at(2, 2), at(3, 3)), Functions: functions(at(4, 4))},
		"functions alone":     {Functions: functions(at(0, 1), at(2, 4))},
		"cut where they will": {Generation: 1, VMs: vms(at(0, 1), at(3, 4)), Functions: functions(at(1, 2), at(3, 3))},
	} {
		synctest.Test(t, func(t *testing.T) {
			here := open(t, patient)
			s := newSkies(t, patient, nil)
			p := s.open(t, serflow.Plan(plan), serflow.Limits(provisioner.Limits{VMs: 9, PerHour: 10, PerDay: 10}))
			defer s.closed(t, p)
			waitUntil(t, "all VMs", func() bool { return ready(p) == len(plan.VMs) })
			r := rand.New(rand.NewPCG(1, 2))
			var batch []float32
			for range 200 {
				for range 4 {
					batch = append(batch, float32(r.IntN(2)))
				}
				batch = append(batch, 1+float32(r.IntN(5)))
			}
			x := stage.Float32("x", []int64{200, 5}, batch)
			want, err := here.InferBatch(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.InferBatch(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			exits := map[int]int{}
			for i := range want {
				exits[want[i].Exit]++
				same(t, name, got[i], want[i])
			}
			if len(exits) < 3 {
				t.Fatalf("the samples show too little: %v", exits)
			}
		})
	}
}

// same holds a result to the one in process, and its path to its exit.
func same(t *testing.T, name string, got, want serflow.Result) {
	t.Helper()
	if got.Exit != want.Exit || got.Class != want.Class || got.Confidence != want.Confidence {
		t.Fatalf("%s: exit %d, class %d, confidence %g; in process %d, %d, %g", name, got.Exit, got.Class, got.Confidence, want.Exit, want.Class, want.Confidence)
	}
	for _, output := range []string{stage.Logits, "x"} {
		if string(got.Output(output).Data) != string(want.Output(output).Data) || !slices.Equal(got.Output(output).Shape, want.Output(output).Shape) {
			t.Fatalf("%s: %s is %v, in process %v", name, output, got.Output(output), want.Output(output))
		}
	}
	next, dollars := 0, 0.0
	for _, hop := range got.Path {
		if hop.First != next || hop.Err != nil || hop.Group == "" || hop.Place == "" || hop.Provider != "mock" || hop.Kind == "" || hop.Dollars <= 0 {
			t.Fatalf("%s: path %+v", name, got.Path)
		}
		next, dollars = hop.Last+1, dollars+hop.Dollars
	}
	if next != want.Exit+1 || dollars != got.Dollars {
		t.Fatalf("%s: exit %d, %g dollars by path %+v", name, want.Exit, got.Dollars, got.Path)
	}
}

// A function that never answers holds nobody up: neither a request beyond its deadline, nor
// its caller's memory, nor a shutdown.
func TestFunctionThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		silent, release := atomic.Bool{}, make(chan struct{})
		s.onCall = func() error {
			if silent.Load() {
				<-release
			}
			return nil
		}
		p := s.open(t, serflow.On(nil, s.lambdas()), serflow.SLO(2*time.Second))
		silent.Store(true)
		begun := time.Now()
		r, err := p.Infer(t.Context(), sampleOf(0))
		typed(t, "by the SLO", err, serflow.ErrDeadline)
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != 2*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if len(r.Path) == 0 || r.Path[0].Err == nil || r.Exit != -1 {
			t.Errorf("%+v", r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sample := sampleOf(0)
		_, err = p.Infer(ctx, sample)
		clear(sample.Data) // it is ours again
		typed(t, "by the context", err, serflow.ErrDeadline)
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = p.Infer(ctx, sample)
		clear(sample.Data)
		typed(t, "by its caller", err, context.Canceled)

		begun = time.Now()
		if err := p.Close(); err != nil || time.Since(begun) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		close(release)
		s.closed(t, nil)
	})
}

// A caller has its memory back when its request ends, whatever becomes of the attempts.
func TestCallersMemory(t *testing.T) {
	s := newSkies(t, rentedModel, nil)
	p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
	defer s.closed(t, p)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 300 {
		sample := sampleOf(0)
		_, err := p.Infer(gone, sample)
		for i := range sample.Data { // the race detector sees who reads it now
			sample.Data[i] = 0xff
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// A function that is throttled for ten seconds, or dies while it starts, fails no request
// that a VM can answer; what nobody can answer ends in an error with its name.
func TestFunctionsInTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		broken error
		want   error
	}{
		"throttled": {providers.ErrThrottled, serflow.ErrThrottled},
		"dies":      {providers.ErrFunction, serflow.ErrTries},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			plan := serflow.Plan(vmsAndFunctions(1))
			p := s.open(t, plan, serflow.SLO(time.Second))
			waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
			begun := time.Now()
			s.hook(func(_ int, op string) error {
				if op == "invoke" && time.Since(begun) < 10*time.Second {
					return &providers.Error{Provider: "mock", Op: op, Err: c.broken}
				}
				return nil
			}, nil)
			for ; time.Since(begun) < 20*time.Second; time.Sleep(100 * time.Millisecond) {
				if _, err := p.Infer(t.Context(), sampleOf(1)); err != nil {
					t.Error(name, err)
				}
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			p = s.open(t, serflow.On(nil, s.lambdas()))
			defer s.closed(t, p)
			s.hook(broken("invoke", c.broken), nil)
			_, err := p.Infer(t.Context(), sampleOf(1))
			typed(t, name, err, c.want)
		})
	}
}

// A VM that is slow costs its requests some time, and none its answer.
func TestSlowVM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		s.onVM = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)), serflow.SLO(time.Second))
		defer s.closed(t, p)
		waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
		for range 50 {
			begun := time.Now()
			r := check(t, p, 2)
			if n := len(r.Path); n > 1 && (r.Path[0].Err == nil || r.Path[0].Kind != "vm" || r.Path[0].Place != "vm-1" || r.Path[n-1].Kind != "function") || time.Since(begun) > time.Second {
				t.Fatalf("after %v: %+v", time.Since(begun), r.Path)
			}
		}
		if ready(p) != 1 {
			t.Error("it is well, if slow: it is not ended")
		}
	})
}

// A VM that stands still is sent nothing more once it has kept a request waiting, if a
// function can take over, and again when it answers.
func TestFrozenVM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)), serflow.Heartbeat(2*time.Second))
		defer s.closed(t, p)
		waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
		s.frozen.Store(true)
		late := 0
		for range 100 {
			begun := time.Now()
			check(t, p, 1)
			if time.Since(begun) > 100*time.Millisecond {
				late++
			}
		}
		if late != 1 {
			t.Errorf("%d of 100 requests were kept waiting, want one", late)
		}
		s.frozen.Store(false)
		waitUntil(t, "an answer of the VM", func() bool { return check(t, p, 1).Path[0].Place == "vm-1" })
	})
}

// VMs that are all lost at once are replaced. Until then a function answers, or each request
// ends at once in an error with a name.
func TestAllVMsLostAtOnce(t *testing.T) {
	for name, plan := range map[string]provisioner.Plan{"with a function": vmsAndFunctions(3), "VMs alone": {VMs: vmsAndFunctions(3).VMs}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 30 * time.Second}})
			s.onVM = func(ctx context.Context, _ string) error {
				select {
				case <-time.After(100 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			p := s.open(t, serflow.Plan(plan))
			defer s.closed(t, p)
			waitUntil(t, "three VMs", func() bool { return ready(p) == 3 })
			var answered, failed atomic.Int64
			var load sync.WaitGroup
			stop := make(chan struct{})
			for range 100 {
				load.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(time.Second):
						}
						_, err := p.Infer(t.Context(), sampleOf(2))
						if err == nil {
							answered.Add(1)
							continue
						}
						failed.Add(1)
						if !errors.Is(err, serflow.ErrCapacity) && !errors.Is(err, serflow.ErrTries) {
							t.Errorf("%s: %v", name, err)
						}
					}
				})
			}
			time.Sleep(1050 * time.Millisecond)
			for _, id := range vmIDs(p) {
				if err := s.VMs().End(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Second)
			if with := len(plan.Functions) > 0; with == (failed.Load() > 0) {
				t.Errorf("%s: %d requests failed", name, failed.Load())
			}
			_, err := p.Infer(t.Context(), sampleOf(2))
			if len(plan.Functions) == 0 {
				typed(t, name, err, serflow.ErrCapacity)
			}
			waitUntil(t, "three others", func() bool { return ready(p) == 3 })
			failed.Store(0)
			time.Sleep(10 * time.Second)
			close(stop)
			load.Wait()
			if failed.Load() > 0 || answered.Load() < 1000 {
				t.Errorf("%s: %d answered, and then %d failed", name, answered.Load(), failed.Load())
			}
		})
	}
}

// A VM that its provider takes back finishes what it has, and gets no more.
func TestNoticesLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spot := vmOffer
		spot.Name, spot.Market = "spot", provisioner.Spot
		s := newSkies(t, rentedModel, &mock.Config{Interruptions: 30, Notice: 30 * time.Second, Boot: mock.Spread{Median: 20 * time.Second}}, spot)
		s.onVM = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(200 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		plan := vmsAndFunctions(3)
		plan.VMs[0].Offer = spot
		p := s.open(t, serflow.Plan(plan))
		defer s.closed(t, p)
		for begun := time.Now(); time.Since(begun) < 20*time.Minute; time.Sleep(100 * time.Millisecond) {
			r := check(t, p, 1)
			moved := slices.DeleteFunc(slices.Clone(r.Path), func(h serflow.Hop) bool {
				return h.Err != nil && h.Err.Error() == "another place was faster" // it was sent to two
			})
			if len(moved) != 1 {
				t.Fatalf("a request had to move: %+v", r.Path)
			}
		}
		a, st := s.Account(), p.Stats()
		if a.VMs < 10 {
			t.Errorf("only %d VMs: nothing was taken back", a.VMs)
		}
		if math.Abs(st.VMDollars/a.VMDollars-1) > 0.02 || math.Abs(st.FunctionDollars/a.FunctionDollars-1) > 1e-9 {
			t.Errorf("the bill is %g and %g dollars, it was %g and %g", st.VMDollars, st.FunctionDollars, a.VMDollars, a.FunctionDollars)
		}
	})
}

// events counts what an observer hears.
type events struct {
	serflow.NoObserver
	done, failed atomic.Int64
	boom         bool
}

func (e *events) RequestDone(_ context.Context, r serflow.RequestEvent) {
	if r.Err != nil {
		e.failed.Add(1)
	} else if e.done.Add(1); r.Exit == "" {
		panic("an answer without an exit")
	}
	if e.boom {
		panic("boom")
	}
}

// Each row is a request: one event, one result; a row that fails does not harm the others.
func TestBatchesOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, heard := newSkies(t, rentedModel, nil), &events{}
		s.onCall = func() error { time.Sleep(50 * time.Millisecond); return nil }
		p := s.open(t, serflow.On(nil, s.lambdas()), serflow.Observe(heard))
		defer s.closed(t, p)
		var ended atomic.Int64
		s.hook(func(_ int, op string) error {
			if n := ended.Add(1); op == "invoke" && n > 300 {
				return &providers.Error{Provider: "mock", Op: op, Err: providers.ErrFunction}
			}
			return nil
		}, nil)
		const rows = 400
		results, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{rows, 4}, make([]float32, 4*rows)))
		typed(t, "the batch", err, serflow.ErrTries)
		answered := 0
		for _, r := range results {
			if r.Err == nil && r.Exit == 0 {
				answered++
			} else if r.Exit != -1 || !errors.Is(r.Err, serflow.ErrTries) {
				t.Fatalf("%+v", r)
			}
		}
		if st := p.Stats(); len(results) != rows || answered == 0 || answered == rows || heard.done.Load() != int64(answered) ||
			heard.failed.Load() != int64(rows-answered) || st.Requests != rows || st.Failed != int64(rows-answered) || st.Latency.Count() != int64(answered) {
			t.Errorf("%d answered; heard %d and %d; %+v", answered, heard.done.Load(), heard.failed.Load(), st)
		}
		s.hook(nil, nil)
		heard.boom = true
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		_, _ = p.InferBatch(t.Context(), stage.Float32("x", []int64{2, 4}, make([]float32, 8)))
		t.Error("the observer's panic is lost")
	})
}

// What no worker would take is refused before it is sent, and not billed.
func TestRequestTooLarge(t *testing.T) {
	huge := stage.Tensor{Name: "x", DType: stage.Uint8, Shape: []int64{wire.LongestBody}, Data: make([]byte, wire.LongestBody)}
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.On(nil, s.lambdas()))
		defer s.closed(t, p)
		before := s.Account()
		_, err := p.Infer(t.Context(), huge)
		typed(t, "too large", err, serflow.ErrInput)
		if after := s.Account(); after.Calls != before.Calls {
			t.Errorf("%+v, then %+v", before, after)
		}
	})
}

// Stats may be asked for at any time.
func TestStatsWhileItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAndFunctions(2)))
		var askers sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			askers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						p.Stats()
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		s.closed(t, p)
		time.Sleep(time.Second)
		close(stop)
		askers.Wait()
		if st := p.Stats(); st.VMDollars <= 0 || len(st.VMs) != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// A call that the provider calls invalid is not one too many: the request goes elsewhere at once, or says
// what was wrong, and does not wait; and the function still takes as many others at once as before.
func TestInvalidCallIsNoThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		var invalid atomic.Bool
		s.onCall = func() error {
			if invalid.Load() {
				return providers.ErrInvalid
			}
			time.Sleep(time.Second)
			return nil
		}
		p := s.open(t, serflow.On(nil, s.lambdas()))
		defer s.closed(t, p)
		invalid.Store(true)
		begun := time.Now()
		_, err := p.Infer(t.Context(), sampleOf(0))
		if !errors.Is(err, providers.ErrInvalid) || !errors.Is(err, serflow.ErrTries) || errors.Is(err, serflow.ErrCapacity) || time.Since(begun) > time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		invalid.Store(false)
		begun = time.Now()
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() { check(t, p, 0) })
		}
		calls.Wait()
		if took := time.Since(begun); took > 1500*time.Millisecond {
			t.Errorf("20 calls take %v", took)
		}
	})
}
