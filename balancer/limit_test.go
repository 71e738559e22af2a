package balancer_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// A request that waits for a function at its limit is shed once the function could not be in time any
// more, and not when its deadline has come.
func TestShedWhereFunctionsAreFull(t *testing.T) {
	f := function(1, 0, 0, 1, 200*ms)
	f.Soonest = []time.Duration{150 * ms}
	b := with(t, 0, f)
	hog := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	hog.Start(0, 0)
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, time.Second)
	s, now := r.Start(0, 0), time.Duration(0)
	for !s.Finish {
		now = r.Wake()
		s = r.Tick(now, 0)
	}
	if !errors.Is(s.Err, balancer.ErrShed) || now < 700*ms || now > 900*ms {
		t.Errorf("after %v: %v", now, s.Err)
	}
}

// A refusal of a function's only call does not keep those that come later from calling it at once.
func TestRefusalOfTheOnlyCall(t *testing.T) {
	b := with(t, 0, function(1, 0, 0, 0, 10*ms))
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, time.Second)
	s := r.Start(0, 0)
	r.Reply(ms, s.Attempt, balancer.Reply{Outcome: balancer.Refused}, 0)
	for range 20 {
		q := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, time.Second)
		q.Start(2*ms, 0)
	}
	want(t, "calls at once", b.Serving(1), 20)
}

// Of requests that wait for a function at its limit, critical ones get most of what there is, and
// sheddable ones the least.
func TestPrioritiesWhereFunctionsAreFull(t *testing.T) {
	const took, slo = 100 * ms, 500 * ms
	type asking struct {
		balancer.Request
		priority balancer.Priority
		attempt  uint32
		replies  time.Duration
	}
	b, random := with(t, 0, function(1, 0, 0, 2, took)), rand.New(rand.NewPCG(1, 1))
	sent, answered := map[balancer.Priority]int{}, map[balancer.Priority]int{}
	var all []*asking
	for now := time.Duration(0); now < 100*time.Second; now += ms {
		if random.IntN(25) == 0 { // 40 a second, of which it can take 20
			p := balancer.Sheddable + balancer.Priority(random.IntN(3))
			a := &asking{Request: balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Priority: p}, now+slo), priority: p, replies: balancer.Never}
			if s := a.Start(now, random.Uint64()); s.Send {
				a.attempt, a.replies = s.Attempt, now+took
			}
			sent[p]++
			all = append(all, a)
		}
		for _, a := range all {
			if s := a.Tick(now, random.Uint64()); s.Send {
				a.attempt, a.replies = s.Attempt, now+took
			}
			if a.replies <= now {
				a.replies = balancer.Never
				if s := a.Reply(now, a.attempt, balancer.Reply{Outcome: balancer.Exited, Service: took}, 0); s.Finish {
					answered[a.priority]++
				}
			}
		}
		all = slices.DeleteFunc(all, func(a *asking) bool { return a.Wake() == balancer.Never })
	}
	share := func(p balancer.Priority) float64 { return float64(answered[p]) / float64(sent[p]) }
	low, normal, critical := share(balancer.Sheddable), share(balancer.Normal), share(balancer.Critical)
	if critical < 0.8 || normal < low || critical < 2*normal {
		t.Errorf("answered: %.2f of those that may be shed, %.2f, and %.2f of the critical ones", low, normal, critical)
	}
}
