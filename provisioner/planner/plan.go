package planner

import (
	"errors"
	"fmt"
	"math"

	"github.com/serflow/serflow-go/stage"
)

// margins are the shares of the SLO's latency that are planned for, one after the other,
// until a plan meets all of it: estimates of sums of long tails may be too low.
var margins = [...]float64{1, 0.85, 0.7, 0.5, 0.35}

// Plan is the cheapest plan that was found to meet the SLO. Its error wraps ErrAsk, ErrFit,
// ErrCalls or, as an *SLOError, ErrSLO.
func (t *Planner) Plan(a Ask) (*Result, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	var best *Result
	for _, margin := range margins {
		p := newProblem(&a, margin)
		if err := errors.Join(p.fits(), p.possible()); err != nil {
			return nil, err
		}
		r := t.result(p)
		if r != nil && r.InTime >= p.quantile {
			return r, nil
		}
		if r != nil && (best == nil || r.InTime > best.InTime) {
			best = r
		}
	}
	p := newProblem(&a, 1)
	if best == nil && p.crowded(p.all(), p.peak) {
		return nil, fmt.Errorf("%w: at %v requests/s functions would need more than the %d that the account allows, and no VMs can take the rest: raise the limit, or offer VMs", ErrCalls, num(p.peak), p.reference.limit)
	}
	if best == nil {
		return nil, p.tooSlow(math.MaxInt64)
	}
	return nil, p.tooSlow(best.Latency)
}

// fits reports the first stage that nothing holds. Its error wraps ErrFit.
func (p *problem) fits() error {
	for s := range p.stages {
		needs, most, what := p.megabytes(stage.Range{First: s, Last: s}), 0.0, ""
		for _, v := range p.VMs {
			mb := v.Offer.MemoryGB * 1024
			if mb == 0 {
				mb = math.Inf(1)
			}
			if mb > most {
				most, what = mb, v.Offer.Name
			}
		}
		for _, f := range p.Functions {
			if mb := float64(f.Offer.MemoryMB); mb > most {
				most, what = mb, f.Offer.Name
			}
		}
		if needs > most {
			return fmt.Errorf("%w: stage %d needs %.0f MB, and the largest offer, %q, has %.0f: give a larger one, or split the stage", ErrFit, s+1, needs, what, most)
		}
	}
	return nil
}

// found is what was found for a problem; a layout without a problem is none.
type found struct{ best, uniform, alone layout }

// nothing is less than anything costs, in dollars a second.
const nothing = 1e-15

// find looks for all three, again if it has learned something: what was found first was not
// compared with that.
func (t *Planner) find(p *problem) (f found) {
	const times = 4
	for range times {
		known := len(t.tables)
		f.uniform = t.uniform(p)
		f.alone = t.cheapest(p, single, func(a, b int) bool { return a == b }, false)
		f.best = t.cheapest(p, (*problem).partitions, func(int, int) bool { return true }, true)
		if known == len(t.tables) {
			break
		}
	}
	for _, other := range [2]layout{f.uniform, f.alone} { // where the search has given up, or has not looked
		if other.p != nil && (f.best.p == nil || other.perSecond < f.best.perSecond) {
			f.best = other
		}
	}
	return f
}

// result is nil if there is no plan.
func (t *Planner) result(p *problem) *Result {
	f := t.find(p)
	if f.best.p == nil {
		return nil
	}
	var uniform *Choice
	if f.uniform.p != nil {
		uniform = f.uniform.choice()
		f.uniform.carried(uniform)
		if uniform.InTime >= p.quantile && f.uniform.perSecond <= f.best.perSecond+nothing { // a hop must earn something
			f.best = f.uniform
		}
	}
	r := &Result{Choice: *f.best.choice(), Uniform: uniform, SLO: SLO{p.quantile, p.SLO.Latency}, p: f.best.p}
	f.best.carried(&r.Choice)
	if f.alone.p != nil {
		r.PerStage = f.alone.choice()
	}
	r.Commitments = r.p.commitments(&f.best, r.VMs)
	return r
}

// carried fills the tables of a choice.
func (l *layout) carried(c *Choice) {
	for i, r := range l.vms {
		c.VMs[i].Carried = r.fleet.all()
	}
}

// among calls with some partitions of a problem.
type among func(p *problem, each func(*partition))

// cheapest is the best layout, with functions chosen for price or for speed.
func (t *Planner) cheapest(p *problem, some among, may allowed, exact bool) (best layout) {
	best, _ = newSearch(p, t, may, exact).solve(some, may)
	if q := p.faster(); q != nil {
		if l, ok := newSearch(q, t, may, exact).solve(some, may); ok && (best.p == nil || l.perSecond < best.perSecond) {
			best = l
		}
	}
	return best
}

// only is one partition.
func only(p *problem, ends []int, each func(*partition)) {
	if f := p.newPartition(); f.follow(ends) && f.quick() {
		f.link()
		each(f)
	}
}

// single has each stage in a group of its own.
func single(p *problem, each func(*partition)) { only(p, p.alone(), each) }

// whole has all stages in one.
func whole(p *problem, each func(*partition)) {
	ends := make([]int, p.stages)
	ends[0] = p.stages - 1
	only(p, ends, each)
}

// uniform finds the best plan with one group of each kind, or of VMs alone where no function
// holds the model.
func (t *Planner) uniform(p *problem) layout {
	all := func(a, b int) bool { return a == 0 && b == p.stages-1 }
	if p.calls[0][p.stages-1].offer < 0 {
		q := *p
		ask := *p.Ask
		ask.Functions = nil
		q.Ask, q.functions = &ask, nil
		q.settle()
		return t.cheapest(&q, single, all, true)
	}
	return t.cheapest(p, whole, all, true)
}
