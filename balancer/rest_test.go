package balancer_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// Where some go on to a function behind a group, its VMs keep no request waiting until there is no
// time for that: a function takes it instead.
func TestTimeForWhatIsBehind(t *testing.T) {
	for name, c := range map[string]struct {
		every, ahead int // one in so many goes on
		out          balancer.Mechanism
		want         uint64
	}{
		"one in ten goes on, no time":       {10, 7, 0, 2},
		"one in ten goes on, in time":       {10, 5, 0, 1},
		"hardly any goes on":                {1000, 7, 0, 1},
		"one in ten goes on, not looked at": {10, 7, balancer.Downstream, 1},
	} {
		b := with(t, 1, vm(1, 0, 0, 1, 10*ms), function(2, 0, 1, 0, 30*ms))
		for i := range 600 {
			p, err := b.Pick(balancer.Ask{Generation: 1, Remaining: balancer.Never})
			if err != nil {
				t.Fatal(err)
			}
			b.Done(p, balancer.Report{Service: 10 * ms, Took: 10 * ms, Passed: i%c.every == 0})
		}
		for range c.ahead {
			toVM1(b)
		}
		p, err := b.Pick(balancer.Ask{Generation: 1, Now: time.Second, Remaining: 100 * ms, Without: c.out})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want(t, name, p.ID(), c.want)
	}
}

// A VM is told to keep what another has handed back if all functions are at their limits: it would
// only come back once more. Where there are none it is not told so.
func TestKeptWhereFunctionsAreFull(t *testing.T) {
	for _, functions := range []bool{true, false} {
		b := with(t, 1, vm(1, 0, 0, 1, 10*ms), vm(2, 0, 0, 1, 10*ms))
		if functions {
			if err := b.Join(function(3, 0, 0, 1, 30*ms), 1); err != nil {
				t.Fatal(err)
			}
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Functions: true}, time.Second)
			want(t, "the function is full", describe(r.Start(0, 0)), "send 1 stage 0 to 3")
		}
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, 100*ms)
		r.Start(0, 0)
		s := r.Reply(60*ms, 1, balancer.Reply{Outcome: balancer.Passed, Stage: 0}, 0)
		want(t, "to a VM", []any{s.Send, s.Place.Kind()}, []any{true, balancer.VM})
		want(t, "kept", s.Keep, functions)
	}
}

// One request in four is late at its VM: busy VMs are then left to others, unless so many may be.
func TestMiss(t *testing.T) {
	for _, c := range []struct {
		miss float64
		want uint64
	}{{0, 2}, {0.3, 1}} {
		b := with(t, 1, vm(1, 0, 0, 1, 10*ms), function(2, 0, 0, 0, 55*ms))
		for i := range 400 {
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Miss: c.miss}, 50*ms)
			s := r.Start(0, 0)
			want(t, "idle", s.Place.ID(), 1)
			if i%4 == 0 { // handed back
				r.Reply(10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Passed, Stage: 0}, 0)
				r.GiveUp(nil)
				continue
			}
			r.Reply(10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 0, Service: 10 * ms}, 0)
		}
		for range 3 {
			toVM1(b)
		}
		id, _ := pick(b, balancer.Ask{Generation: 1, Remaining: 60 * ms})
		want(t, "busy", id, c.want)
	}
}
