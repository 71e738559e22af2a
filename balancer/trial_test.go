package balancer_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// toVM1 is a request that goes to VM 1 whatever is thought of it.
func toVM1(b *balancer.Balancer) balancer.Place {
	_, p := pick(b, balancer.Ask{Generation: 1, Remaining: balancer.Never, Avoid: balancer.Avoid{3}})
	return p
}

// A VM that seemed slow, or full of others' requests, is tried again until it is what it was:
// only its replies can tell. It may be alone, or the worse one whenever two are drawn.
func TestIdleVMsAreTriedAgain(t *testing.T) {
	fn := function(2, 0, 0, 0, 12*ms)
	for name, c := range map[string]struct {
		remaining time.Duration
		members   []balancer.Member
	}{
		"alone":              {50 * ms, []balancer.Member{vm(1, 0, 0, 1, 10*ms), fn}},
		"beside another VM":  {50 * ms, []balancer.Member{vm(1, 0, 0, 1, 10*ms), fn, vm(3, 0, 0, 1, 10*ms)}},
		"with time to spare": {balancer.Never, []balancer.Member{vm(1, 0, 0, 1, 10*ms), vm(3, 0, 0, 1, 10*ms)}},
	} {
		for wrong, reply := range map[string]struct {
			service time.Duration
			load    int
		}{"slow": {time.Hour, 0}, "full of others' requests": {10 * ms, 50}} {
			b, r := with(t, 1, c.members...), rand.New(rand.NewPCG(3, 4))
			b.Done(toVM1(b), balancer.Report{Entered: 0, Service: reply.service, Load: reply.load})
			// An hour is 360,000 times too slow: it takes some 90 replies to forget it.
			const requests, last = 60_000, 10_000
			on := 0
			var before balancer.Place
			for i := range requests {
				id, p := pick(b, balancer.Ask{Generation: 1, Remaining: c.remaining, Random: r.Uint64()})
				if id == 1 && i >= requests-last {
					on++
				}
				if i > 0 { // two are in hand
					b.Done(before, balancer.Report{Entered: 0, Service: 10 * ms, Load: b.Serving(before.ID()) - 1})
				}
				before = p
			}
			if on < last/4 {
				t.Errorf("%s, once %s: it got %d of the last %d requests", name, wrong, on, last)
			}
		}
	}
}

// A VM that really is too slow costs few requests their time.
func TestTrialsAreRare(t *testing.T) {
	fn := function(2, 0, 0, 0, 40*ms)
	for name, members := range map[string][]balancer.Member{
		"alone":             {vm(1, 0, 0, 1, 30*ms), fn},
		"beside another VM": {vm(1, 0, 0, 1, 30*ms), fn, vm(3, 0, 0, 1, 30*ms)},
	} {
		b, r := with(t, 1, members...), rand.New(rand.NewPCG(3, 4))
		for range 50 {
			b.Done(toVM1(b), balancer.Report{Entered: 0, Service: 80 * ms, Load: 0})
		}
		const requests = 100_000
		late := 0
		for range requests {
			id, p := pick(b, balancer.Ask{Generation: 1, Remaining: 50 * ms, Random: r.Uint64()})
			if id == 1 {
				late++
				b.Done(p, balancer.Report{Entered: 0, Service: 80 * ms, Load: 0})
			} else {
				b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: -1})
			}
		}
		if late < requests/512 || late > requests/200 {
			t.Errorf("%s: %d of %d requests were late, want about one in 256", name, late, requests)
		}
	}
}

// Nothing is tried that would be in vain, or for which there is no need.
func TestNotTried(t *testing.T) {
	both := []balancer.Member{vm(1, 0, 0, 1, 10*ms), vm(3, 0, 0, 1, 10*ms)}
	far := vm(1, 0, 0, 1, 10*ms)
	far.Travel = 5 * ms
	for name, c := range map[string]struct {
		members []balancer.Member
		service time.Duration // that VM 1 has shown once
		ask     balancer.Ask
		busy    bool
	}{
		"by a request that is late":    {both, time.Hour, balancer.Ask{Remaining: 50 * ms, Late: true}, false},
		"for it is too slow by itself": {both, time.Hour, balancer.Ask{Remaining: 9 * ms}, false},
		"for it is too far away":       {[]balancer.Member{far, both[1]}, time.Hour, balancer.Ask{Remaining: 14 * ms}, false},
		"for it is no better anyway":   {[]balancer.Member{vm(1, 0, 0, 1, 11*ms), both[1]}, time.Hour, balancer.Ask{Remaining: 50 * ms}, false},
		"for a reply will come anyway": {both, time.Hour, balancer.Ask{Remaining: 50 * ms}, true},
		"for it has just failed":       {both, time.Hour, balancer.Ask{Remaining: 50 * ms, Avoid: balancer.Avoid{1}}, false},
	} {
		b, r := with(t, 1, c.members...), rand.New(rand.NewPCG(5, 6))
		b.Done(toVM1(b), balancer.Report{Entered: 0, Service: c.service, Load: 0})
		if c.busy {
			toVM1(b)
		}
		on := 0
		for range 10_000 {
			c.ask.Generation, c.ask.Random = 1, r.Uint64()
			id, p := pick(b, c.ask)
			if b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: -1}); id == 1 {
				on++
			}
		}
		want(t, name, on, 0)
	}
}
