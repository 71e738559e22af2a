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

// result is nil if there is no plan.
func (t *Planner) result(p *problem) *Result {
	l, ok := t.cheapest(p, (*problem).partitions, func(int, int) bool { return true })
	r := &Result{p: p}
	uniform, one := t.uniform(p)
	if one {
		r.Uniform = uniform.p.choice(&uniform)
	}
	alone, apart := t.cheapest(p, single, func(a, b int) bool { return a == b })
	if apart {
		r.PerStage = alone.p.choice(&alone)
	}
	for _, other := range [2]layout{uniform, alone} { // where the search has given up, or has not looked
		if other.p != nil && (!ok || other.perSecond < l.perSecond) {
			l, ok = other, true
		}
	}
	if !ok {
		return nil
	}
	r.p = l.p
	r.Choice = *l.p.choice(&l)
	l.carried(&r.Choice)
	if one {
		uniform.carried(r.Uniform)
	}
	r.Commitments = l.p.commitments(&l, r.VMs)
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
func (t *Planner) cheapest(p *problem, some among, may allowed) (best layout, ok bool) {
	for q := p; q != nil; q = q.faster() {
		l, found := newSearch(q, t, may).solve(some, may)
		if found && (!ok || l.perSecond < best.perSecond) {
			best, ok = l, true
		}
		if q.fast {
			break
		}
	}
	return best, ok
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
func (t *Planner) uniform(p *problem) (layout, bool) {
	all := func(a, b int) bool { return a == 0 && b == p.stages-1 }
	if p.calls[0][p.stages-1].offer < 0 {
		q := *p
		ask := *p.Ask
		ask.Functions = nil
		q.Ask, q.functions = &ask, nil
		q.settle()
		return t.cheapest(&q, single, all)
	}
	return t.cheapest(p, whole, all)
}
