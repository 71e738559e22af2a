package serflow_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// cheap carries 3.3 requests of 0.3 s per second, and pays from 1.2: on the function one costs $8.8e-6.
var cheap = provisioner.VMOffer{Name: "cheap", VCPUs: 1, PerHour: 0.036, Minimum: time.Minute}

// large carries twice as many.
var large = provisioner.VMOffer{Name: "large", VCPUs: 2, PerHour: 0.08, Minimum: time.Minute}

// told is a log that tests can read.
type told struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// count is in how many lines a text is.
func (l *told) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.String(), text)
}

// scaled opens a pipeline on cheap VMs that follows the traffic.
func (s *skies) scaled(t *testing.T, log *told, scaling serflow.Scaling, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	times, err := profile.Deterministic([]time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	plan := vmsAndFunctions(1)
	plan.VMs[0].Offer = cheap
	return s.open(t, append([]serflow.Option{
		serflow.Plan(plan), serflow.Scale(scaling), serflow.Times("cheap", times), serflow.Times("large", times), serflow.Times("function", times),
		serflow.Limits(provisioner.Limits{VMs: 9, PerHour: 1, PerDay: 20}), serflow.Log(slog.New(slog.NewTextHandler(log, nil))),
	}, more...)...)
}

// send sends requests at a steady rate, each of which goes to the last stage.
func send(t *testing.T, p *serflow.Pipeline, perSecond int, length time.Duration) {
	t.Helper()
	if err := try(t, p, perSecond, length); err != nil {
		t.Fatalf("a request failed: %v", err)
	}
}

// try is send that says whether a request has failed.
func try(t *testing.T, p *serflow.Pipeline, perSecond int, length time.Duration) (err error) {
	t.Helper()
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Second / time.Duration(perSecond)) {
		_, failed := p.Infer(t.Context(), sampleOf(2))
		err = errors.Join(err, failed)
	}
	return err
}

// The fleet grows and shrinks with the traffic, no request is lost by it, and each decision is a
// line that says why.
func TestScaleFollowsTheTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, cheap)
		var log told
		p := s.scaled(t, &log, serflow.Scaling{})
		defer s.closed(t, p)
		send(t, p, 12, 10*time.Minute)
		busy := ready(p)
		if busy < 4 || busy > 7 {
			t.Errorf("%d VMs at 12 requests a second, of which one carries 3.3", busy)
		}
		send(t, p, 2, 20*time.Minute)
		if quiet := ready(p); quiet < 1 || quiet > 2 {
			t.Errorf("%d VMs at 2 requests a second", quiet)
		}
		if n := log.count("msg=scaling group=a..c offer=cheap"); n < 2 || n > 20 || log.count(`why="least cost, at `) != n {
			t.Errorf("%d decisions: %s", n, log.String())
		}
	})
}

// A restart keeps the scale, the VMs and what has been learned.
func TestRestartKeepsTheScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, cheap)
		var log told
		file := serflow.File(filepath.Join(t.TempDir(), "state.json"))
		same := []serflow.Option{serflow.State(file), serflow.Credential("a-secret-of-the-owner")}
		p := s.scaled(t, &log, serflow.Scaling{}, same...)
		send(t, p, 12, 10*time.Minute)
		had := vmIDs(p)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = s.scaled(t, &log, serflow.Scaling{}, same...)
		defer s.closed(t, p)
		waitUntil(t, "all that there were", func() bool { return ready(p) == len(had) })
		send(t, p, 12, time.Minute)
		if now := vmIDs(p); strings.Join(now, " ") != strings.Join(had, " ") || len(had) < 4 {
			t.Errorf("had %v, has %v", had, now)
		}
		if log.count("msg=remembered") != 1 || log.count("adopted: ") != 1 {
			t.Errorf("not said: %s", log.String())
		}
	})
}

// State that is of no use is left alone and named, and the pipeline opens without it.
func TestStateOfNoUse(t *testing.T) {
	for name, state := range map[string]string{
		"garbage": "{", "another version": `{"version":9}`, "another model": `{"version":1,"fingerprint":"beef"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(file, []byte(state), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newSkies(t, rentedModel, nil, cheap)
			var log told
			p := s.scaled(t, &log, serflow.Scaling{}, serflow.State(serflow.File(file)))
			s.closed(t, p)
			if log.count("nothing is remembered of earlier runs") != 1 {
				t.Errorf("%s: %s", name, log.String())
			}
		})
	}
}

// A store that fails costs nothing but memory, and says so.
func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		var log told
		p := s.scaled(t, &log, serflow.Scaling{}, serflow.State(serflow.File(filepath.Join(t.TempDir(), "no such folder", "state"))))
		send(t, p, 2, 3*time.Minute)
		s.closed(t, p)
		if n := log.count("the state is not saved"); n < 2 || n > 5 {
			t.Errorf("said %d times: %s", n, log.String())
		}
	})
}

// A file is replaced whole.
func TestFile(t *testing.T) {
	f := serflow.File(filepath.Join(t.TempDir(), "state"))
	if _, err := f.Load(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for _, data := range []string{"a first state", "another"} {
		if err := f.Save(t.Context(), []byte(data)); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Load(t.Context()); string(got) != data || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if left, _ := filepath.Glob(string(f) + "*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// While its own offer cannot be had, a group has others.
func TestScaleFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap, large)
		s.refuse = "cheap"
		var log told
		p := s.scaled(t, &log, serflow.Scaling{Others: []provisioner.VMOffer{large}, Pins: []serflow.Pin{{Stages: stage.Range{Last: 2}, Min: 3, Max: 3}}})
		defer s.closed(t, p)
		send(t, p, 5, 5*time.Minute)
		offers := map[string]int{}
		for _, vm := range p.Stats().VMs {
			offers[vm.Offer]++
		}
		if offers["large"] != 2 || offers["cheap"] != 0 || log.count("others take their place") == 0 {
			t.Errorf("%v: %s", offers, log.String())
		}
	})
}

// Two services with one owner name leave each other's VMs alone once they have noticed, and say so.
func TestTwoPipelinesWithOneOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		var first, second told
		pinned := serflow.Scaling{Pins: []serflow.Pin{{Stages: stage.Range{Last: 2}, Min: 2, Max: 2}}}
		a := s.scaled(t, &first, pinned)
		send(t, a, 3, 10*time.Minute)
		b := s.scaled(t, &second, pinned)
		for range 20 { // in which each ends what it takes for a predecessor's, once
			_ = try(t, a, 3, time.Minute)
			_ = try(t, b, 3, time.Minute)
		}
		send(t, a, 3, 10*time.Minute)
		before := vmIDs(a)
		send(t, b, 3, 30*time.Minute)
		send(t, a, 3, time.Minute)
		if len(before) != 2 || strings.Join(vmIDs(a), " ") != strings.Join(before, " ") {
			t.Errorf("the first had %v, and has %v", before, vmIDs(a))
		}
		for _, log := range []*told{&first, &second} {
			if log.count("another program with the same owner name") == 0 {
				t.Errorf("nobody says so: %s", log.String())
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		s.closed(t, b)
	})
}

// nonsense is a policy that cannot be meant.
type nonsense struct{}

func (nonsense) Name() string { return "nonsense" }
func (nonsense) Decide(time.Duration, policy.Observation) policy.Decision {
	return policy.Decision{Groups: []policy.Order{{VMs: -1}}}
}

// A policy that returns nonsense is refused, and the fleet keeps what it has.
func TestScaleRefusesNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		var log told
		p := s.scaled(t, &log, serflow.Scaling{Policy: nonsense{}})
		defer s.closed(t, p)
		send(t, p, 3, 5*time.Minute)
		if ready(p) != 1 || log.count("level=WARN msg=scaling") != 1 || log.count("policy nonsense wants -1 VMs") != 1 {
			t.Errorf("%d VMs: %s", ready(p), log.String())
		}
	})
}

// Options that cannot be are named.
func TestScaleRefusesOptions(t *testing.T) {
	for name, scaling := range map[string]serflow.Scaling{
		"a pin for no group":   {Pins: []serflow.Pin{{Stages: stage.Range{Last: 1}, Min: 1}}},
		"a pin that cannot be": {Pins: []serflow.Pin{{Stages: stage.Range{Last: 2}, Min: 2, Max: 1}}},
		"a negative time":      {Every: -1},
		"a negative boot":      {Boot: -1},
	} {
		s := newSkies(t, rentedModel, nil)
		p, err := serflow.Open(context.Background(), rentedModel, s.options(serflow.Plan(vmsAndFunctions(1)), serflow.Scale(scaling))...)
		var e *serflow.Error
		if p != nil || !errors.As(err, &e) || e.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
		s.closed(t, nil)
	}
}

// A pipeline that only recommends asks its providers for nothing, and says what it would do and
// what that would have cost.
func TestRecommendRentsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		s.hook(func(_ int, op string) error { t.Errorf("it called %s", op); return nil }, nil)
		var log told
		p := s.scaled(t, &log, serflow.Scaling{}, serflow.Recommend())
		send(t, p, 12, 2*time.Hour)
		b := p.Stats().Recommended
		if b == nil || b.Requests < 86000 || b.Total() > 0.75*b.Alone || b.Total() > 0.8*b.Fixed || b.VMs < 0.2 {
			t.Errorf("%v", b)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if p.Stats().Recommended == nil || len(p.Stats().VMs) > 0 || len(s.left(t)) > 0 {
			t.Error("after it was closed")
		}
		s.hook(nil, nil)
		s.closed(t, nil)
		if log.count("msg=recommended bill=") < 2 || log.count("recommended: nothing is rented") == 0 || log.count("functions alone $") < 2 {
			t.Errorf("not said: %s", log.String())
		}
	})
}

// Where functions alone would serve, that is what it would have cost.
func TestRecommendFunctionsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		s.hook(func(_ int, op string) error { t.Errorf("it called %s", op); return nil }, nil)
		var log told
		plan := vmsAndFunctions(1)
		plan.VMs = nil
		p := s.scaled(t, &log, serflow.Scaling{}, serflow.Recommend(), serflow.Plan(plan))
		send(t, p, 1, 10*time.Minute)
		// 300 ms of the function cost $8.8e-6.
		if b := p.Stats().Recommended; b == nil || b.Requests < 580 || b.Total() < b.Requests*8e-6 || b.Total() > b.Requests*1e-5 || b.Alone != b.Total() {
			t.Errorf("%+v", b)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		s.hook(nil, nil)
		s.closed(t, nil)
	})
}

// The limit of dollars a day is the owner's: a program that starts again goes on from what it had spent, also
// with another model, and without Scale. Requests are served by functions then.
func TestRestartKeepsTheDaysSpending(t *testing.T) {
	for name, more := range map[string][]serflow.Option{"scaled": {serflow.Scale(serflow.Scaling{})}, "fixed": {serflow.Scale(serflow.Scaling{}), serflow.Unscaled()}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil, cheap)
			var log told
			same := append(more, serflow.State(serflow.File(filepath.Join(t.TempDir(), "state.json"))), serflow.Credential("a-secret-of-the-owner"),
				serflow.Limits(provisioner.Limits{VMs: 9, PerHour: 1, PerDay: 0.01}))
			p := s.scaled(t, &log, serflow.Scaling{}, same...)
			try(t, p, 3, 30*time.Minute)
			if n := ready(p); n > 0 {
				t.Fatalf("%s: %d VMs, at $0.036 an hour", name, n)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			before := s.Account().VMs
			p = s.scaled(t, &log, serflow.Scaling{}, same...)
			defer s.closed(t, p)
			send(t, p, 3, 5*time.Minute)
			if n := s.Account().VMs - before; n > 0 {
				t.Errorf("%s: %d VMs launched, with nothing left to spend: %s", name, n, log.String())
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			alone := serflow.Plan(provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: 2}, Offer: cheap, VMs: 1}}})
			_, err := serflow.Open(ctx, s.model, s.options(append(same, alone)...)...)
			if err == nil || !strings.Contains(err.Error(), "$0.01 a day are spent") {
				t.Errorf("%s: without functions: %v", name, err)
			}
		})
	}
}

// heard is a policy that keeps what there is, leaves VMs five requests of each second, and adds up what it is told.
type heard struct{ came, called, serving atomic.Int64 }

func (*heard) Name() string { return "heard" }

func (h *heard) Decide(_ time.Duration, o policy.Observation) policy.Decision {
	g := o.Groups[0]
	for _, n := range g.Counts.Each {
		h.came.Add(int64(max(n, 0)))
	}
	h.called.Add(int64(g.Called))
	h.serving.Store(int64(g.Serving))
	return policy.Decision{Groups: []policy.Order{{VMs: float64(g.Ready), Rationed: true, Ration: 5}}}
}

// The policy is told what functions are called for, and beside how many VMs.
func TestScaleHearsOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		var log told
		var h heard
		p := s.scaled(t, &log, serflow.Scaling{Policy: &h})
		defer s.closed(t, p)
		calls := int64(0)
		for range 1200 {
			r, err := p.Infer(t.Context(), sampleOf(2))
			if err != nil {
				t.Fatal(err)
			}
			for _, hop := range r.Path {
				if hop.Kind == "function" {
					calls++
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(20 * time.Second) // until the last second has been told
		if calls < 500 || h.called.Load() < calls-15 || h.called.Load() > calls || h.came.Load() < 1100 || h.serving.Load() != 1 {
			t.Errorf("told of %d requests and %d calls beside %d VMs: %d calls", h.came.Load(), h.called.Load(), h.serving.Load(), calls)
		}
	})
}
