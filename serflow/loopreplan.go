package serflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
)

// How often a plan is made again at most, and how often prices are asked for.
const replanEvery, pricesEvery = 10 * time.Minute, time.Hour

// longestMove is how long the VMs of a new plan are waited for before requests move over to those
// of its places that there are.
const longestMove = 10 * time.Minute

// replan makes another plan when requests reach stages that the plan was not made for, or prices
// have changed, and moves over to it. A plan of the user's is never replaced.
func (f *fleet) replan() {
	if f.scaler == nil || !f.replanned || f.moving {
		return
	}
	now := f.now()
	if now >= f.pricesAt {
		f.pricesAt = now + pricesEvery
		f.work.Go(f.askPrices)
	}
	d, drifts := f.scaler.loop.Drift()
	priced := f.priced
	switch {
	case now < f.replanAt:
		return
	case priced != "":
		d, drifts = f.scaler.loop.Traffic(), true
		d.Why = priced
	}
	if !drifts || !(d.Rate > 0) {
		return
	}
	f.moving, f.replanAt, f.priced = true, now+replanEvery, ""
	ask := f.ask
	ask.Reach, ask.Traffic = d.Reach, planner.Steady(d.Rate, d.Deviation)
	f.work.Go(func() {
		err := f.move(ask, d.Why)
		if err != nil && f.ctx.Err() == nil {
			f.log.Warn("the plan stays as it is", "why", d.Why, "error", err)
		}
		f.tell(func() {
			if f.moving = false; err != nil && f.priced == "" {
				f.priced = priced // is tried again
			}
		})
	})
}

// next is a plan that requests are to move over to.
type next struct {
	provisioner.Plan
	groups []control.Group
}

// planNext makes the next plan.
func (c *cloud) planNext(ask planner.Ask) (n next, err error) {
	result, err := c.planner.Plan(ask)
	if err != nil {
		return n, err
	}
	n.Plan = c.worthMoving(ask, result)
	n.Generation = c.inForce().Generation
	kinds, err := c.planner.Kinds(ask, n.Plan, mostOthers)
	if err != nil {
		return n, err
	}
	n.groups = control.Planned(kinds)
	if none := c.pin(n.groups); len(none) > 0 {
		return n, fmt.Errorf("%w: the plan for this traffic has no VM group of %v, which is pinned: take the pin away if that plan is welcome", ErrInput, none[0].Stages)
	}
	if !sameGroups(c.inForce(), n.Plan) {
		n.Generation++
	}
	c.log.Info("planned", "generation", n.Generation, "plan", result.Explain())
	return n, nil
}

// worthAMove is the part of the bill that another plan must save: to move, VMs are booted, and others
// ended before they have paid for it.
const worthAMove = 0.05

// worthMoving is a new plan, or if that saves little the one in force with other numbers.
func (c *cloud) worthMoving(ask planner.Ask, r *planner.Result) provisioner.Plan {
	now := c.inForce()
	if sameGroups(now, r.Plan) {
		return r.Plan
	}
	stay, err := c.planner.Within(ask, now)
	if err != nil || !sameGroups(now, stay.Plan) || stay.InTime < r.SLO.Quantile || (1-worthAMove)*stay.Bill.Total() > r.Bill.Total() {
		return r.Plan
	}
	c.log.Info("the plan's groups stay: others would save too little to move", "dollars an hour", stay.Bill.Total(), "others", r.Bill.Total())
	return stay.Plan
}

// sameGroups tells whether two plans differ in no more than numbers.
func sameGroups(a, b provisioner.Plan) bool {
	return slices.EqualFunc(a.VMs, b.VMs, func(x, y provisioner.VMGroup) bool {
		x.VMs, y.VMs = 0, 0
		x.Offer.PerHour, y.Offer.PerHour = 0, 0
		return x == y
	}) && slices.EqualFunc(a.Functions, b.Functions, func(x, y provisioner.FunctionGroup) bool {
		return x.Stages == y.Stages && x.Offer.Name == y.Offer.Name
	})
}
