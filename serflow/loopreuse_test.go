//go:build !race

package serflow_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// keeps is a policy that wants what the plan says.
type keeps struct{}

func (keeps) Name() string { return "keeps" }
func (keeps) Decide(_ time.Duration, o policy.Observation) (d policy.Decision) {
	for _, g := range o.Groups {
		d.Groups = append(d.Groups, policy.Order{VMs: float64(g.Ready)})
	}
	return d
}

// cheapTinies is a question whose answer is three tiny VMs for the first two stages and two roomy ones for the
// last; dearTinies one whose answer is four roomy ones for all. Without functions no request can go anywhere else.
func cheapTinies(t *testing.T) planner.Ask {
	ask := *twoParts(t, 1, 1, 1)
	ask.Functions = nil
	return ask
}

func dearTinies(t *testing.T) planner.Ask {
	ask := cheapTinies(t)
	ask.VMs[0].Offer.PerHour *= 10
	return ask
}

// tinies opens a pipeline on the answer to cheapTinies, once all of it is there.
func (s *skies) tinies(t *testing.T, log *told, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	ask := cheapTinies(t)
	p := s.kept(t, log, ask, more...)
	waitUntil(t, "five VMs", func() bool { return ready(p) == 5 })
	if got := fmt.Sprint(offers(p), s.mostGroups(p)); got != "map[roomy:2 tiny:3]a..b c" {
		t.Fatal(got)
	}
	return p
}

// kept opens a pipeline on the answer to a question, with as many VMs.
func (s *skies) kept(t *testing.T, log *told, ask planner.Ask, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	return s.replanning(t, log, &ask, append([]serflow.Option{serflow.Scale(serflow.Scaling{Ask: &ask, Policy: keeps{}})}, more...)...)
}

// roles is the stages that each VM of an offer was last set up for, by its ID.
func (s *skies) roles(p *serflow.Pipeline, offer string) map[string]stage.Range {
	s.mu.Lock()
	defer s.mu.Unlock()
	roles := map[string]stage.Range{}
	for _, vm := range p.Stats().VMs {
		if w := s.workers[vm.ID+".mock"]; w != nil && vm.Offer == offer {
			roles[vm.ID] = w.serves()
		}
	}
	return roles
}

// during has requests come, of which none may be lost, while something happens.
func during(t *testing.T, p *serflow.Pipeline, happens func()) {
	t.Helper()
	var load sync.WaitGroup
	load.Go(func() { stream(t, p, 10, 2*time.Minute, 2) })
	time.Sleep(30 * time.Second)
	happens()
	load.Wait()
}

var slowBoot = &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}

// keptOf is how many of some VMs are still there.
func keptOf(before map[string]stage.Range, now map[string]stage.Range) (n int) {
	for id := range before {
		if _, there := now[id]; there {
			n++
		}
	}
	return n
}

// VMs whose stages are others in the next plan, on the same offer, serve these from the moment on that it is made:
// only what is missing is launched, and no request is lost. A restart knows that they are no more what their tags say.
func TestReplanMovesVMs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, slowBoot, tiny, roomy)
		var log told
		options := []serflow.Option{serflow.State(serflow.File(filepath.Join(t.TempDir(), "state"))), serflow.Credential("a-secret-of-the-owner")}
		p := s.tinies(t, &log, options...)
		before := s.roles(p, "roomy")
		for _, w := range s.workers {
			if len(w.setups) > 0 {
				t.Errorf("set up anew, as it was launched: %+v", w.setups)
			}
		}
		during(t, p, func() {
			begun := time.Now()
			if err := serflow.Replan(p, dearTinies(t)); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("requests have waited for a boot: %v", took)
			}
		})
		moved := s.roles(p, "roomy")
		if n := serflow.Places(p); n != 4 {
			t.Errorf("%d places for four VMs", n)
		}
		if got := offers(p); got["roomy"] != 4 || got["tiny"] != 0 || keptOf(before, moved) != 2 {
			t.Errorf("%v: had %v, has %v", got, before, moved)
		}
		for id, serves := range moved {
			if serves != (stage.Range{Last: 2}) {
				t.Errorf("%s is set up for %v", id, serves)
			}
		}
		if n := log.count(`launching offer=roomy stages="stages 1-3" vms=2`); n != 1 || log.count("launching offer=roomy") != 2 {
			t.Errorf("launched: %s", log.String())
		}

		if err := serflow.Kill(p); err != nil {
			t.Fatal(err)
		}
		p = s.kept(t, &log, cheapTinies(t), options...)
		defer s.closed(t, p)
		waitUntil(t, "four VMs", func() bool { return ready(p) == 4 })
		if now := s.roles(p, "roomy"); keptOf(moved, now) != 4 || len(now) != 4 || log.count("launching") != 3 {
			t.Errorf("had %v, and after a restart %v: %s", moved, now, log.String())
		}
		stream(t, p, 10, time.Minute, 2)
	})
}

// A VM that cannot be told what to serve is replaced, and serves on where it did until then.
func TestReplanWithAVMThatCannotBeSetUp(t *testing.T) {
	for name, fault := range map[string]func(ctx context.Context) error{
		"the call fails":   func(context.Context) error { return errors.New("connection reset") },
		"it never answers": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, slowBoot, tiny, roomy)
			var log told
			p := s.tinies(t, &log)
			defer s.closed(t, p)
			before := s.roles(p, "roomy")
			victim := strings.Fields(vmsOf(p, "roomy"))[0]
			worker := s.workers[victim+".mock"]
			s.onSetup = func(ctx context.Context, vm string) error {
				if vm == victim {
					return fault(ctx)
				}
				return nil
			}
			during(t, p, func() {
				if err := serflow.Replan(p, dearTinies(t)); err != nil {
					t.Error(err)
				}
			})
			now := s.roles(p, "roomy")
			if _, there := now[victim]; there || len(now) != 4 || keptOf(before, now) != 1 || offers(p)["roomy"] != 4 {
				t.Errorf("%s: had %v, has %v", name, before, now)
			}
			if n := worker.entered[0].Load(); n > 0 {
				t.Errorf("%s: %d requests were sent to it for stages that it has not been set up for", name, n)
			}
			if log.count("not set up") == 0 {
				t.Errorf("%s: not said: %s", name, log.String())
			}
		})
	}
}

// A VM that dies when it is told what to serve is replaced, and what it had goes elsewhere.
func TestReplanWithAVMThatDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, slowBoot, tiny, roomy)
		var log told
		p := s.tinies(t, &log)
		defer s.closed(t, p)
		before := s.roles(p, "roomy")
		victim := strings.Fields(vmsOf(p, "roomy"))[0]
		s.onSetup = func(ctx context.Context, vm string) error {
			if vm == victim {
				return errors.Join(s.VMs().End(ctx, vm), errors.New("connection reset"))
			}
			return nil
		}
		during(t, p, func() {
			if err := serflow.Replan(p, dearTinies(t)); err != nil {
				t.Error(err)
			}
		})
		now := s.roles(p, "roomy")
		if _, there := now[victim]; there || len(now) != 4 || keptOf(before, now) != 1 || offers(p)["roomy"] != 4 {
			t.Errorf("had %v, has %v: %s", before, now, log.String())
		}
	})
}

// A plan whose functions cannot be made is not moved over to: VMs are set up again as they were, and what had been
// launched for it is ended. The same VMs can move the next time. So it is if the program is killed half way.
func TestReplanBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, slowBoot, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		functions := stuckFunctions{s.lambdas().(skyFunctions), new(atomic.Bool), new(atomic.Int64)}
		var log told
		options := []serflow.Option{
			serflow.On(s.vms(), functions), serflow.State(serflow.File(filepath.Join(t.TempDir(), "state"))), serflow.Credential("a-secret-of-the-owner"),
		}
		next := *twoParts(t, 1, 1, 1)
		ask := next
		ask.Traffic = planner.Steady(5, 0) // a tiny VM for the first stage, a roomy one for the others, and one function
		p := s.kept(t, &log, ask, options...)
		same := func(what string, before []string) {
			t.Helper()
			waitUntil(t, "two VMs", func() bool { return len(vmIDs(p)) == 2 && ready(p) == 2 })
			if now := vmIDs(p); !slices.Equal(now, before) {
				t.Errorf("%s: had %v, has %v", what, before, now)
			}
			time.Sleep(time.Second) // until the last has been told
			for id, serves := range s.roles(p, "roomy") {
				if serves != (stage.Range{First: 1, Last: 2}) {
					t.Errorf("%s: %s is set up for %v", what, id, serves)
				}
			}
		}
		waitUntil(t, "two VMs", func() bool { return ready(p) == 2 })
		before := vmIDs(p)
		s.hook(func(_ int, op string) error {
			if op == "ensure" {
				return providers.ErrInvalid
			}
			return nil
		}, nil)
		during(t, p, func() {
			if err := serflow.Replan(p, next); !errors.Is(err, providers.ErrInvalid) {
				t.Error(err)
			}
		})
		if log.count("msg=moving") != 4 { // there and back
			t.Errorf("nothing had moved: %s", log.String())
		}
		same("given up", before)

		s.hook(nil, nil)
		functions.stuck.Store(true)
		moving := make(chan error, 1)
		go func() { moving <- serflow.Replan(p, next) }()
		time.Sleep(2 * time.Minute)
		for id, serves := range s.roles(p, "roomy") {
			if serves.First != 2 {
				t.Errorf("%s is set up for %v: the move has not begun", id, serves)
			}
		}
		if err := errors.Join(serflow.Kill(p), <-moving); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		functions.stuck.Store(false)
		p = s.kept(t, &log, ask, options...)
		defer s.closed(t, p)
		stream(t, p, 10, 2*time.Minute, 2)
		same("killed half way", before)

		during(t, p, func() {
			if err := serflow.Replan(p, next); err != nil {
				t.Error(err)
			}
		})
		if now := vmIDs(p); len(now) != 3 || s.mostGroups(p) != "a..b c" || !slices.Equal(now[:2], before) {
			t.Errorf("had %v, has %v in %s: %s", before, now, s.mostGroups(p), log.String())
		}
	})
}

// Workers of an earlier release cannot be set up anew: they are adopted for what they were launched for, and not
// moved.
func TestReplanWithOldWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, slowBoot, tiny, roomy)
		s.workerOf = func(providers.Instance) *plainWorker {
			w := newPlainWorker(rentedModel)
			w.old = true
			return w
		}
		var log told
		options := []serflow.Option{serflow.State(serflow.File(filepath.Join(t.TempDir(), "state"))), serflow.Credential("a-secret-of-the-owner")}
		p := s.tinies(t, &log, options...)
		before := vmIDs(p)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = s.tinies(t, &log, options...)
		defer s.closed(t, p)
		if now := vmIDs(p); !slices.Equal(now, before) {
			t.Errorf("had %v, and after a restart %v", before, now)
		}
		during(t, p, func() {
			if err := serflow.Replan(p, dearTinies(t)); err != nil {
				t.Error(err)
			}
		})
		if now := vmIDs(p); len(now) != 4 || offers(p)["roomy"] != 4 || slices.ContainsFunc(now, func(id string) bool { return slices.Contains(before, id) }) {
			t.Errorf("had %v, has %v", before, now)
		}
	})
}
