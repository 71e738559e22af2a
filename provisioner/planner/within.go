package planner

import (
	"errors"
	"math"
	"slices"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// Within is the cheapest choice that has no other groups than those of a plan, of the plan's offers:
// what it costs to stay with it. It may leave VM groups out, and miss the SLO, which its InTime tells. The
// errors are those of Plan.
func (t *Planner) Within(a Ask, plan provisioner.Plan) (*Choice, error) {
	offers := plan.Offers()
	a.VMs = slices.DeleteFunc(slices.Clone(a.VMs), func(v VM) bool { return !slices.Contains(offers, v.Offer.Name) })
	a.Functions = slices.DeleteFunc(slices.Clone(a.Functions), func(f Function) bool { return !slices.Contains(offers, f.Offer.Name) })
	if err := a.validate(); err != nil {
		return nil, err
	}
	if err := plan.Validate(a.stages()); err != nil {
		return nil, errors.Join(ErrAsk, err)
	}
	p := newProblem(&a, 1)
	if err := errors.Join(p.fits(), p.possible()); err != nil {
		return nil, err
	}
	ends := p.alone()
	for _, g := range plan.Functions {
		ends[g.Stages.First] = g.Stages.Last
	}
	l := t.cheapest(p, func(p *problem, each func(*partition)) { only(p, ends, each) }, func(first, last int) bool {
		return slices.ContainsFunc(plan.VMs, func(g provisioner.VMGroup) bool {
			return g.Stages == stage.Range{First: first, Last: last}
		})
	}, true)
	if l.p == nil {
		return nil, p.tooSlow(math.MaxInt64)
	}
	return l.choice(), nil
}
