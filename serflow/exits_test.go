package serflow_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/exit/drift"
	"github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// bothWays runs a test in a bubble, with rentedModel in process and on VMs and functions.
func bothWays(t *testing.T, options []serflow.Option, test func(t *testing.T, p *serflow.Pipeline)) {
	t.Run("in process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, open(t, rentedModel, options...)) })
	})
	t.Run("rented", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			p := s.open(t, append(options, serflow.Plan(vmsAndFunctions(2)))...)
			defer s.closed(t, p)
			waitUntil(t, "VMs", func() bool { return ready(p) == 2 })
			test(t, p)
		})
	})
}

// leaves fails the test unless a sample that could leave at once does so at an exit, and answers class.
func leaves(t *testing.T, p *serflow.Pipeline, sample stage.Tensor, at, class int) serflow.Result {
	t.Helper()
	r, err := p.Infer(context.Background(), sample)
	if err != nil || r.Exit != at || r.Class != class {
		t.Fatalf("it left at %d with class %d, %v; want %d and %d", r.Exit, r.Class, err, at, class)
	}
	synctest.Wait() // for what is in the shadow
	return r
}

// exitLog is an observer of exits, and a log.
type exitLog struct {
	serflow.NoObserver
	mu   sync.Mutex
	list []serflow.ExitsEvent
	text bytes.Buffer
}

func (e *exitLog) ExitsChanged(event serflow.ExitsEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *exitLog) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.Write(b)
}

func (e *exitLog) options(more ...serflow.Option) []serflow.Option {
	return append(more, serflow.Observe(e), serflow.Log(slog.New(slog.NewTextHandler(e, nil))))
}

// of are the events of a cause, which are forgotten.
func (e *exitLog) of(cause serflow.ExitsCause) (list []serflow.ExitsEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.list {
		if event.Cause == cause {
			list = append(list, event)
		}
	}
	e.list = nil
	return list
}

// said fails the test unless one line of the log has all the words.
func (e *exitLog) said(t *testing.T, words ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(e.text.String()) {
		has := 0
		for _, w := range words {
			if strings.Contains(line, w) {
				has++
			}
		}
		if has == len(words) {
			return
		}
	}
	t.Errorf("no line has %q:\n%s", words, e.text.String())
}

func TestSetExits(t *testing.T) {
	e := &exitLog{}
	bothWays(t, e.options(), func(t *testing.T, p *serflow.Pipeline) {
		usual := []exit.Policy{exit.MaxProb(0.9), exit.MaxProb(0.9), exit.Final()}
		if got := p.Exits(); !slices.Equal(got, usual) {
			t.Fatalf("the model's: %+v", got)
		}
		leaves(t, p, sampleOf(0), 0, 1)
		under := make(chan serflow.Result)
		go func() {
			r, err := p.Infer(context.Background(), slowSample(0, 100))
			if err != nil {
				t.Error(err)
			}
			under <- r
		}()
		synctest.Wait() // until it is in the first stage
		changed := []exit.Policy{exit.Never(), exit.Margin(0.5).WithTemperature(2), exit.Final()}
		if err := p.SetExits(changed...); err != nil {
			t.Fatal(err)
		}
		leaves(t, p, sampleOf(0), 1, 1)
		if r := <-under; r.Exit != 0 {
			t.Errorf("what was under way left at %d", r.Exit)
		}
		if got := p.Exits(); !slices.Equal(got, changed) || !slices.Equal(p.Stats().Exits.Policies, changed) {
			t.Errorf("%+v", got)
		}
		changed[1] = exit.Never() // is the caller's
		leaves(t, p, sampleOf(0), 1, 1)
		if list := e.of(serflow.ExitsSet); len(list) != 1 || list[0].Policies[1].Kind != exit.KindMargin {
			t.Errorf("%+v", list)
		}
		e.said(t, "exits have been set", "never; margin 0.5; final")
		if err := p.SetExits(p.Exits()...); err != nil || len(e.of(serflow.ExitsSet)) != 0 {
			t.Errorf("the same again: %v", err)
		}

		for name, wrong := range map[string][]exit.Policy{
			"none":            nil,
			"too few":         {exit.Never(), exit.Final()},
			"too many":        {exit.Never(), exit.Never(), exit.Never(), exit.Final()},
			"final too early": {exit.Final(), exit.Never(), exit.Final()},
			"no final":        {exit.Never(), exit.Never(), exit.Never()},
			"no kind":         {exit.Never(), {}, exit.Final()},
			"no share":        {exit.MaxProb(2), exit.Never(), exit.Final()},
		} {
			typed(t, name, p.SetExits(wrong...), serflow.ErrInput)
			leaves(t, p, sampleOf(0), 1, 1)
		}
	})
}

// A request leaves by the exits of one set, however often they change on its way: here each set has an
// exit at which it must leave, but another one.
func TestARequestHasOneSetOfExits(t *testing.T) {
	sets := [][]exit.Policy{{exit.MaxProb(0.9), exit.Never(), exit.Final()}, {exit.Never(), exit.MaxProb(0.9), exit.Final()}}
	split := vmsAndFunctions(1)
	split.VMs[0].Stages.Last = 0 // so that a request asks for exits more than once
	for name, open := range map[string]func(t *testing.T) *serflow.Pipeline{
		"in process": func(t *testing.T) *serflow.Pipeline { return open(t, rentedModel) },
		"rented": func(t *testing.T) *serflow.Pipeline {
			s := newSkies(t, rentedModel, nil)
			p := s.open(t, serflow.Plan(split))
			t.Cleanup(func() { s.closed(t, p) })
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t)
			if err := p.SetExits(sets[0]...); err != nil {
				t.Fatal(err)
			}
			var done atomic.Bool
			var work sync.WaitGroup
			work.Go(func() {
				for i := 0; !done.Load(); i++ {
					if err := p.SetExits(sets[i%2]...); err != nil {
						t.Error(err)
					}
				}
			})
			left := [3]int{}
			for i := 0; i < 300 || min(left[0], left[1]) == 0 && i < 30_000; i++ {
				r, err := p.Infer(t.Context(), sampleOf(0))
				if err != nil || r.Exit == 2 {
					t.Fatalf("it left at %d, %v", r.Exit, err)
				}
				left[r.Exit]++
			}
			done.Store(true)
			work.Wait()
			if min(left[0], left[1]) == 0 {
				t.Errorf("requests left at %v", left)
			}
		})
	}
}

// Wrong options are found before anything is rented.
func TestWrongExitOptions(t *testing.T) {
	for name, option := range wrongExitOptions() {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			defer s.closed(t, nil)
			s.hook(func(_ int, op string) error { t.Errorf("%s: %s", name, op); return nil }, nil)
			for _, more := range [][]serflow.Option{s.options(option), {option}} {
				_, err := serflow.Open(t.Context(), rentedModel, more...)
				var e *serflow.Error
				if !isInput(err, &e) || !strings.HasPrefix(e.Remedy, "change serflow.") {
					t.Errorf("%s: %v", name, err)
				}
			}
			time.Sleep(time.Second)
		})
	}
}

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(d, cancel)
	return ctx, cancel
}

// typedInput fails the test unless an error is a *serflow.Error with ErrInput and a remedy.
func typedInput(t *testing.T, what string, err error) {
	t.Helper()
	var e *serflow.Error
	if !isInput(err, &e) || e.Remedy == "" || e.Provider == "" {
		t.Errorf("%s: %v", what, err)
	}
}

// What the options cost a request, beside BenchmarkInfer.
func BenchmarkInferWatched(b *testing.B) {
	out := []stage.Tensor{stage.Float32("x", []int64{1}, []float32{1}), stage.Float32(stage.Logits, []int64{1, 2}, []float32{0, 0})}
	noop := func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) { return out, nil }
	m := model(noop, noop, noop, noop)
	reference := []exit.Tally{{Left: 100, Agree: 100}, {}, {}, {Left: 100, Agree: 100}}
	all := []exit.Policy{exit.MaxProb(0), exit.MaxProb(0), exit.MaxProb(0), exit.Final()}
	options := map[string]serflow.Option{
		"drift":    serflow.Drift(drift.Config{}),
		"watch":    serflow.Watch(watch.Config{Reference: reference}),
		"brownout": serflow.Brownout(brownout.Config{Steps: []brownout.Step{{Policies: all, Loss: 1}}, Budget: 0.1}),
	}
	for _, on := range []string{"none", "drift", "watch", "brownout", "drift watch brownout"} {
		b.Run(strings.ReplaceAll(on, " ", "+"), func(b *testing.B) {
			var some []serflow.Option
			for _, name := range strings.Fields(on) {
				some = append(some, options[name])
			}
			p := open(b, m, some...)
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			in := x(1)
			b.ReportAllocs()
			for b.Loop() {
				if r, err := p.Infer(ctx, in); err != nil || r.Exit != 3 {
					b.Fatal(r, err)
				}
			}
		})
	}
}
