package compare

import (
	"errors"
	"fmt"

	"github.com/serflow/serflow-go/provisioner/planner"
)

var errNoPlan = errors.New("there is no such plan for this model")

// choose is the plan of a policy.
func (p *plans) choose(name string, ask planner.Ask) (c *planner.Choice, err error) {
	switch name {
	case UniformHybrid, LibraUniform, LibraMeasured, LibraTuned:
		c = p.best.Uniform
	case PerStage:
		c = p.best.PerStage
	case NoStages, NoBatching:
		return p.with(ask)
	case FunctionsOnly, FullFunctionsOnly:
		ask.VMs = nil
		return p.without(ask, "functions")
	case KnativeLike, FullKnativeLike:
		ask.Functions = nil
		return p.without(ask, "VMs")
	default:
		c = &p.best.Choice
	}
	if c == nil {
		return nil, errNoPlan
	}
	return c, nil
}

// without plans with one kind alone; VMs in one group, as today's autoscalers have them.
func (p *plans) without(ask planner.Ask, kind string) (*planner.Choice, error) {
	if len(ask.VMs)+len(ask.Functions) == 0 {
		return nil, fmt.Errorf("the price sheet has no %s for this model", kind)
	}
	r, err := p.planner.Plan(ask)
	if err != nil {
		return nil, err
	}
	if len(ask.Functions) == 0 && r.Uniform != nil {
		return r.Uniform, nil
	}
	return &r.Choice, nil
}

// with plans for another question than all others'.
func (p *plans) with(ask planner.Ask) (*planner.Choice, error) {
	r, err := p.planner.Plan(ask)
	if err != nil {
		return nil, err
	}
	return &r.Choice, nil
}
