package balancer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// served is a request that VM 1 has answered after a time.
func served(t *testing.T, b *balancer.Balancer, rules balancer.Rules, took time.Duration) {
	t.Helper()
	r := balancer.NewRequest(b, 0, rules, balancer.Never)
	s := r.Start(0, 0)
	r.Reply(took, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Service: took, Load: 0}, 0)
	if r.Wake() != balancer.Never {
		t.Fatal("not over")
	}
}

// seasoned has a VM, and a function, that is known to answer within 10 to 11 ms.
func seasoned(t *testing.T, rules balancer.Rules) *balancer.Balancer {
	t.Helper()
	b := with(t, 0, vm(1, 0, 0, 9, 10*ms), function(2, 0, 0, 0, 20*ms))
	for range 1000 {
		served(t, b, rules, 10*ms)
	}
	return b
}

// What takes longer than nearly all before it is sent once more; the first answer counts.
func TestHedge(t *testing.T) {
	rules := balancer.Rules{Stages: 1}
	start := func(deadline time.Duration) (*balancer.Balancer, *balancer.Request) {
		b := seasoned(t, rules)
		r := balancer.NewRequest(b, 0, rules, deadline)
		want(t, "start", describe(r.Start(0, 0)), "send 1 stage 0 to 1")
		return b, &r
	}
	hedged := func(r *balancer.Request) time.Duration {
		t.Helper()
		at := r.Wake()
		if at < 10*ms || at > 13*ms {
			t.Errorf("hedged after %v, want about the 10 ms that replies take", at)
		}
		s := r.Tick(at, 0)
		want(t, "hedge", fmt.Sprint(describe(s), s.Hedge), "send 2 stage 0 to 2true")
		return at
	}

	b, r := start(balancer.Never)
	at := hedged(r)
	s := r.Reply(at+ms, 2, balancer.Reply{Outcome: balancer.Exited}, 0)
	want(t, "the second one wins", describe(s), "cancel 1 finish 0 <nil>")
	want(t, "in hand", b.Serving(1)+b.Serving(2), 0)

	b, r = start(balancer.Never)
	at = hedged(r)
	s = r.Reply(at+ms, 1, balancer.Reply{Outcome: balancer.Exited}, 0)
	want(t, "the first one wins", describe(s), "cancel 2 finish 0 <nil>")
	want(t, "in hand", b.Serving(1)+b.Serving(2), 0)

	_, r = start(balancer.Never)
	at = hedged(r)
	want(t, "one fails", describe(r.Reply(at, 2, balancer.Reply{Outcome: balancer.Failed}, 0)), "")
	want(t, "the other does not", describe(r.Reply(at, 1, balancer.Reply{Outcome: balancer.Exited}, 0)), "finish 0 <nil>")

	_, r = start(balancer.Never)
	at = hedged(r)
	r.Reply(at, 2, balancer.Reply{Outcome: balancer.Refused}, 0)
	want(t, "both fail", describe(r.Reply(at, 1, balancer.Reply{Outcome: balancer.Failed}, 0)), "send 3 stage 0 to 2")

	_, r = start(25 * ms)
	want(t, "the other could not win", describe(r.Tick(r.Wake(), 0)), "")
	want(t, "nor is it asked again", r.Wake(), 25*ms)

	rules.Without = balancer.Hedging
	_, r = start(balancer.Never)
	want(t, "without", describe(r.Tick(r.Wake(), 0)), "cancel 1 send 2 stage 0 to 2")
}

// Hedges add no more load than they may, however slow everything is.
func TestHedgesAreFew(t *testing.T) {
	rules := balancer.Rules{Stages: 1, Hedge: 0.05}
	b := seasoned(t, rules)
	const requests = 4000
	hedges := 0
	for range requests {
		r := balancer.NewRequest(b, 0, rules, balancer.Never)
		r.Start(0, 0)
		if r.Tick(r.Wake(), 0).Hedge {
			hedges++
		}
		r.GiveUp(nil)
	}
	if hedges < requests*5/100 || hedges > requests*5/100+10 {
		t.Errorf("%d of %d requests were hedged, want 5 %% and 10", hedges, requests)
	}
}

// Retries are bounded too: where everything fails, requests are not sent five times each, wherever
// they begin.
func TestRetriesAreBounded(t *testing.T) {
	for _, functions := range []bool{false, true} {
		rules := balancer.Rules{Stages: 1, Functions: functions}
		b := with(t, 0, vm(1, 0, 0, 9, 10*ms), vm(2, 0, 0, 9, 10*ms), function(3, 0, 0, 0, 10*ms))
		const requests = 10_000
		sent := 0
		for i := range requests {
			r := balancer.NewRequest(b, 0, rules, balancer.Never)
			for s := r.Start(time.Duration(i), uint64(i)<<40); s.Send; s = r.Reply(time.Duration(i), s.Attempt, balancer.Reply{Outcome: balancer.Failed}, uint64(i)<<50) {
				sent++
			}
		}
		if sent < requests*12/10 || sent > requests*12/10+500 {
			t.Errorf("on functions first %v: %d requests were sent %d times, want one in five twice and 500 more", functions, requests, sent)
		}
	}
}
