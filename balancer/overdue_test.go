package balancer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// A VM that never answers, or too slowly, gets no more than a few requests, though their deadlines
// come long before a place's patience is at an end; by whichever the driver hears first of a deadline.
func TestVMThatIsAlwaysLate(t *testing.T) {
	const requests, slo = 300, 25 * ms
	for name, end := range map[string]func(*balancer.Request, uint64) balancer.Step{
		"at its deadline": func(r *balancer.Request, random uint64) balancer.Step { return r.Tick(r.Wake(), random) },
		"by its caller's": func(r *balancer.Request, _ uint64) balancer.Step { return r.GiveUp(context.DeadlineExceeded) },
		"handed back": func(r *balancer.Request, random uint64) balancer.Step {
			return r.Reply(r.Wake()-ms, 1, balancer.Reply{Outcome: balancer.Passed}, random)
		},
		"handed back at once": func(r *balancer.Request, random uint64) balancer.Step {
			return r.Reply(r.Wake()-slo, 1, balancer.Reply{Outcome: balancer.Passed}, random)
		},
		"by its caller's, explained": func(r *balancer.Request, _ uint64) balancer.Step {
			return r.GiveUp(errors.Join(context.DeadlineExceeded))
		},
	} {
		b, random, lost := with(t, 0, vm(1, 0, 0, 2, 10*ms), vm(2, 0, 0, 2, 10*ms), vm(3, 0, 0, 2, 10*ms)), rand.New(rand.NewPCG(5, 6)), 0
		for i := range requests {
			now := 100 * ms * time.Duration(i)
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Without: balancer.Hedging}, now+slo)
			s := r.Start(now, random.Uint64())
			if s.Place.ID() != 1 {
				r.Reply(now+10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)
				continue
			}
			lost++
			if s = end(&r, random.Uint64()); s.Send && s.Place.ID() == 1 {
				t.Fatalf("%s: %s", name, describe(s))
			}
			r.GiveUp(nil)
		}
		if lost < 1 || lost > 30 {
			t.Errorf("%s: %d of %d are lost", name, lost, requests)
		}
	}
}

// A function that never answers, or too slowly, gets no more than a few requests where a VM would do, also of
// those that begin on functions; where nothing else serves the stage it is called all the same.
func TestFunctionThatIsAlwaysLate(t *testing.T) {
	const requests, slo = 1000, 25 * ms
	slow := vm(3, 0, 0, 2, 30*ms)
	slow.Soonest = slow.Service
	for name, members := range map[string][]balancer.Member{
		"beside a VM":             {function(1, 0, 0, 0, 5*ms), vm(2, 0, 0, 2, 10*ms)},
		"beside another function": {function(1, 0, 0, 0, 5*ms), function(2, 0, 0, 0, 10*ms)},
		"beside a VM too slow":    {function(1, 0, 0, 0, 5*ms), slow},
		"alone":                   {function(1, 0, 0, 0, 5*ms)},
	} {
		b, random, called := with(t, 0, members...), rand.New(rand.NewPCG(5, 6)), 0
		for i := range requests {
			now := 100 * ms * time.Duration(i)
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Without: balancer.Hedging, Functions: true}, now+slo)
			s := r.Start(now, random.Uint64())
			switch {
			case !s.Send:
			case s.Place.ID() == 1:
				called++
				r.Tick(r.Wake(), 0)
			default:
				r.Reply(now+10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)
			}
			r.GiveUp(nil)
		}
		if few := len(members) == 2 && members[1].ID == 2; few && (called < 5 || called > 40) || !few && called < 9*requests/10 {
			t.Errorf("%s: it is called by %d of %d", name, called, requests)
		}
	}
}

// Whoever goes away before that, or has a VM that was late for no longer than it may be, says nothing.
func TestNotOverdue(t *testing.T) {
	for name, c := range map[string]struct {
		slo time.Duration
		why error
	}{
		"its caller is gone":           {25 * ms, context.Canceled},
		"there was no time from start": {10 * ms, context.DeadlineExceeded},
	} {
		b := with(t, 1, vm(1, 0, 0, 2, 10*ms), vm(2, 0, 0, 2, 10*ms))
		for range 20 {
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, c.slo)
			r.Start(0, 0)
			r.GiveUp(c.why)
		}
		if got := shares(b, 0, 100); len(got) != 2 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
