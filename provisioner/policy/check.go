package policy

import (
	"errors"
	"fmt"
	"math"
)

// ErrDecision marks a decision that cannot be meant.
var ErrDecision = errors.New("bad decision")

// Check is a decision that can be acted on whatever a policy came to. An order with a number
// that is negative, no whole number or outside the group's Min and Max is replaced by what the
// group has, and so is one that is missing. The error then wraps ErrDecision and names the
// policy and the groups; the decision is to be used all the same.
func Check(policy string, o Observation, d Decision) (Decision, error) {
	checked := Decision{Groups: make([]Order, len(o.Groups))}
	var errs []error
	if len(d.Groups) != len(o.Groups) {
		errs = append(errs, fmt.Errorf("%w: policy %s orders for %d groups of %d: return one order for each", ErrDecision, policy, len(d.Groups), len(o.Groups)))
	}
	for i, g := range o.Groups {
		if len(d.Groups) != len(o.Groups) {
			checked.Groups[i] = g.hold("hold: the policy's decision was refused")
			continue
		}
		checked.Groups[i] = d.Groups[i]
		if err := d.Groups[i].check(policy, g); err != nil {
			checked.Groups[i] = g.hold("hold: the policy's order was refused")
			errs = append(errs, err)
		}
	}
	return checked, errors.Join(errs...)
}

func (o Order) check(policy string, g Group) error {
	least, most := g.limits()
	switch {
	case !(o.VMs >= least && o.VMs <= most) || o.VMs != math.Floor(o.VMs):
		return fmt.Errorf("%w: policy %s wants %v VMs for %v: want a whole number from %v to %v", ErrDecision, policy, o.VMs, g.Stages, least, most)
	case o.Rationed && (!(o.Ration >= 0) || o.Ration != math.Floor(o.Ration) || math.IsInf(o.Ration, 0)):
		return fmt.Errorf("%w: policy %s sends the first %v requests a second to VMs for %v: use a whole number from 0", ErrDecision, policy, o.Ration, g.Stages)
	}
	return nil
}
