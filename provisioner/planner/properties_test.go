//go:build !race

package planner

import (
	"errors"
	"math"
	"testing"

	"github.com/serflow/serflow-go/provisioner"
	"pgregory.net/rapid"
)

// Whatever is asked for, the plan is one that can be, is not dearer than the uniform plan or one
// group a stage, and its figures are numbers that agree with each other.
func TestPlansAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := seeded(rapid.Uint64().Draw(t, "seed")).ask(6)
		p := Planner{rows: 100}
		r, err := p.Plan(a)
		if err != nil {
			if !errors.Is(err, ErrSLO) && !errors.Is(err, ErrFit) && !errors.Is(err, ErrCalls) {
				t.Fatal(err)
			}
			return
		}
		for name, other := range map[string]*Choice{"the plan itself": &r.Choice, "the uniform plan": r.Uniform, "one group a stage": r.PerStage} {
			if other == nil {
				continue
			}
			if r.Bill.Total()+r.Apart > (other.Bill.Total()+other.Apart)*(1+1e-9)+1e-9 {
				t.Fatalf("%v dollars an hour, and %s %v", r.Bill, name, other.Bill)
			}
			check(t, name, other, len(a.Reach))
			checkCommitted(t, name, other, a.VMs)
		}
		if r.InTime < 0.99 {
			t.Fatalf("%v in time", r.InTime)
		}
		again, err := p.Plan(a)
		if err != nil || again.Bill != r.Bill {
			t.Fatalf("again: %v %v, at first %v", again, err, r.Bill)
		}
		_ = r.Explain()
	})
}

func check(t *rapid.T, name string, c *Choice, stages int) {
	if err := c.Plan.Validate(stages); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, x := range []float64{c.Bill.VMs, c.Bill.Functions, c.Bill.Transfer} {
		if !finite(x + 1e-12) {
			t.Fatalf("%s: %+v", name, c.Bill)
		}
	}
	for i, v := range c.VMs {
		if !finite(v.TCIP) || !(v.Overflow >= -1e-9 && v.Overflow <= 1) || v.Saturated <= 0 || c.Plan.VMs[i].VMs < 1 {
			t.Fatalf("%s: %+v of %+v", name, v, c.Plan.VMs[i])
		}
		if v.Carried == nil {
			continue
		}
		for n := 0; n < 70; n = 2*n + 1 {
			before := 1.0
			for rate := v.Saturated / 10; rate < 1000*v.Saturated; rate *= 1.7 {
				share := v.Carried.Share(n, rate)
				if !(share >= 0 && share <= before+1e-9) {
					t.Fatalf("%s: %d VMs carry %v of %v, and %v of less", name, n, share, rate, before)
				}
				if more := v.Carried.Share(n+1, rate); more < share-1e-9 {
					t.Fatalf("%s: %d VMs carry %v of %v, and one more %v", name, n, share, rate, more)
				}
				before = share
			}
		}
	}
}

// checkCommitted sees that no two groups count on the same VM that is paid for anyway.
func checkCommitted(t *rapid.T, name string, c *Choice, offers []VM) {
	least := 0.0 // dollars an hour
	for _, v := range offers {
		n := 0
		for _, g := range c.Plan.VMs {
			if g.Offer.Name == v.Offer.Name {
				n += g.VMs
			}
		}
		more := max(n-v.Committed, 0)
		if v.Offer.Market == provisioner.Committed && more > 0 {
			t.Fatalf("%s: %d VMs of %d", name, n, v.Committed)
		}
		least += float64(more) * v.Offer.PerHour
	}
	if c.Bill.VMs < least*(1-1e-9) {
		t.Fatalf("%s: %v dollars an hour for VMs of %v", name, c.Bill.VMs, least)
	}
}

// The bill that is added up group by group is what the search has minimised.
func TestBillIsWhatWasMinimised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := seeded(rapid.Uint64().Draw(t, "seed")).ask(5)
		p := newProblem(&a, 1)
		every := func(int, int) bool { return true }
		l, ok := newSearch(p, &Planner{rows: 100}, every, true).solve((*problem).partitions, every)
		if !ok {
			return
		}
		c := l.choice()
		if got := c.Bill.Total() + c.Apart; math.Abs(got-3600*l.perSecond) > 1e-9*got+1e-12 {
			t.Fatalf("%v dollars an hour, and the search found %v", got, 3600*l.perSecond)
		}
	})
}
