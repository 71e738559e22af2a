package serflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// Scaling is how the number of VMs follows the traffic. The zero value of a field is its default.
type Scaling struct {
	Policy policy.Policy // decides; of this pipeline's own, for it remembers. Default: a policy.CostOptimal
	Every  time.Duration // between decisions; default 10 s
	// Ask is what the plan was made for, with all that could be rented: then what VMs carry is
	// taken from a planner's tables, groups fall back to the Ask's other offers, and without a
	// serflow.Plan the planner makes one, and another one when requests reach stages that it was not
	// made for, or prices change; if that has other groups and saves 5 %, requests move over to it without
	// being dropped, and VMs of an offer that both plans have go on with the stages of the new one. Default: what VMs carry follows from Times alone, and what would have to wait is taken
	// not to be carried.
	Ask *planner.Ask
	// Others are what a group's VMs may be while its own offer cannot be had, the best first: give
	// their Times. With an Ask they need not be given.
	Others []provisioner.VMOffer
	Boot   time.Duration // from a launch until a VM serves, where no Ask says it; default 1 min
	Pins   []Pin
}

// Pin holds the number of VMs of a group of the plan within bounds. A Max of 0 is as many as the
// Limits allow. A plan that has no such group is not moved over to, and that is said in the Log.
type Pin struct {
	Stages   stage.Range
	Min, Max int
}

// Scale has the number of VMs follow the traffic, within the Limits: each decision is one line in
// the Log that says why. The plan's numbers are what it begins with. Without Scale the fleet
// stays at what the plan says.
func Scale(s Scaling) Option { return func(p *Pipeline) { p.rental.scaling = &s } }

// planned makes the plan by a planner, if that is wanted, and takes up its Ask's times.
func (r *rental) planned() error {
	if r.scaling == nil || r.scaling.Ask == nil {
		return nil
	}
	ask := r.rentable(*r.scaling.Ask)
	scaling := *r.scaling // the caller's own stays as it is
	scaling.Ask, r.scaling = ask, &scaling
	for _, v := range ask.VMs {
		r.time(v.Offer.Name, v.Times)
	}
	for _, f := range ask.Functions {
		r.time(f.Offer.Name, f.Times)
	}
	if r.plan != nil {
		return nil
	}
	result, err := r.planner.Plan(*ask)
	if err != nil {
		return r.wrong("change the Ask of serflow.Scale, or give a serflow.Plan", err)
	}
	r.plan, r.replanned = &result.Plan, true
	r.explained = result.Explain()
	return nil
}

// rentable is an Ask without what no provider was given for: VMs that count on functions which there are
// not would be too few.
func (r *rental) rentable(ask planner.Ask) *planner.Ask {
	if r.functions == nil && len(ask.Functions) > 0 {
		r.log.Warn("planning without functions", "why", "serflow.On was given no provider of any")
		ask.Functions = nil
	}
	if r.vms == nil && len(ask.VMs) > 0 {
		r.log.Warn("planning without VMs", "why", "serflow.On was given no provider of any")
		ask.VMs = nil
	}
	return &ask
}

// groups are what the loop goes by.
func (r *rental) groups(e provisioner.Expect, stages int) (groups []control.Group, err error) {
	if s := r.scaling; s.Ask != nil {
		kinds, err := r.planner.Kinds(*s.Ask, e.Plan, mostOthers)
		if err != nil {
			return nil, r.wrong("give an Ask for this plan to serflow.Scale, or none", err)
		}
		groups = control.Planned(kinds)
	} else {
		groups = r.supposedGroups(e, stages)
	}
	if none := r.pin(groups); len(none) > 0 {
		return nil, r.wrong("pin groups of the plan", fmt.Errorf("%w: a pin for %v, which is no VM group of the plan", ErrInput, none[0].Stages))
	}
	return groups, nil
}

// pin holds groups within the user's bounds, and returns those that are for none of them.
func (r *rental) pin(groups []control.Group) (none []Pin) {
	for _, pin := range r.scaling.Pins {
		i := slices.IndexFunc(groups, func(g control.Group) bool { return g.Offers[0].Stages == pin.Stages })
		if i < 0 {
			none = append(none, pin)
			continue
		}
		groups[i].Min, groups[i].Max = pin.Min, pin.Max
	}
	return none
}

// mostOthers is how many offers a group falls back to.
const mostOthers = 2

// supposedGroups are those without a planner.
func (r *rental) supposedGroups(e provisioner.Expect, stages int) []control.Group {
	boot := r.scaling.Boot
	if boot == 0 {
		boot = time.Minute
	}
	groups := control.Supposed(e, stages, boot)
	for _, other := range r.scaling.Others {
		also := e
		also.Plan.VMs = slices.Clone(e.Plan.VMs)
		for i := range also.Plan.VMs {
			g := &also.Plan.VMs[i]
			g.Offer, g.VMs, g.Slots = other, 0, 0
		}
		for i, g := range control.Supposed(also, stages, boot) {
			if groups[i].Offers[0].Offer.Name != other.Name {
				groups[i].Offers = append(groups[i].Offers, g.Offers...)
			}
		}
	}
	return groups
}

// time takes up times that the user has not given.
func (r *rental) time(offer string, t profile.Times) {
	if r.times == nil {
		r.times = map[string]profile.Times{}
	}
	if r.times[offer] == nil {
		r.times[offer] = t
	}
}

// offers are all that may be rented.
func (r *rental) offers() []string {
	names := r.plan.Offers()
	if r.scaling == nil {
		return names
	}
	for _, o := range r.scaling.Others {
		names = append(names, o.Name)
	}
	if r.scaling.Ask != nil {
		for _, v := range r.scaling.Ask.VMs {
			names = append(names, v.Offer.Name)
		}
		for _, f := range r.scaling.Ask.Functions {
			names = append(names, f.Offer.Name)
		}
	}
	return names
}
