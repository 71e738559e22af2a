package serflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
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

// plan makes the next plan.
func (f *fleet) planNext(ask planner.Ask) (n next, err error) {
	result, err := f.planner.Plan(ask)
	if err != nil {
		return n, err
	}
	n.Plan = result.Plan
	n.Generation = f.inForce().Generation
	kinds, err := f.planner.Kinds(ask, n.Plan, mostOthers)
	if err != nil {
		return n, err
	}
	n.groups = control.Planned(kinds)
	f.pin(n.groups)
	if !sameGroups(f.inForce(), n.Plan) {
		n.Generation++
	}
	f.log.Info("planned", "generation", n.Generation, "plan", result.Explain())
	return n, nil
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

// move makes the next plan and has requests move over to it, in this order, so that none is
// dropped: its functions are made and called once, its VMs launched; requests begin there; those
// that have begun before end where they are; what only these needed is drained.
func (f *fleet) move(ask planner.Ask, why string) error {
	f.log.Info("planning again", "why", why)
	n, err := f.planNext(ask)
	if err != nil {
		return err
	}
	old := f.inForce()
	if n.Generation == old.Generation {
		return f.do(func() error { return f.settleOn(n) })
	}
	if err := f.do(func() error { return f.prepare(old, n) }); err != nil {
		return err
	}
	if err := f.furnish(n); err != nil {
		return errors.Join(err, f.goBack(old, n))
	}
	f.balancer.Publish(n.Generation)
	f.log.Info("requests begin with the new plan", "generation", n.Generation)
	for {
		if _, ok := f.balancer.Retire(old.Generation); ok {
			break
		}
		if !sleep(f.ctx, soon) {
			return f.ctx.Err()
		}
	}
	if err := f.do(func() error { return f.settleOn(n) }); err != nil {
		return err
	}
	f.dismiss()
	return nil
}

// do has the fleet's goroutine do something, and waits for it.
func (f *fleet) do(something func() error) error {
	done := make(chan error, 1)
	f.tell(func() { done <- something() })
	select {
	case err := <-done:
		return err
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// prepare has the fleet keep what there is and launch what will be, and places join both plans that
// are of both.
func (f *fleet) prepare(old provisioner.Plan, n next) error {
	both := slices.Clone(n.groups)
	for i := range both {
		both[i].Offers = both[i].Offers[:1]
	}
	taken := func(o control.Offer) bool {
		return slices.ContainsFunc(both, func(g control.Group) bool {
			return slices.ContainsFunc(g.Offers, func(p control.Offer) bool { return p.Stages == o.Stages && p.Offer.Name == o.Offer.Name })
		})
	}
	for _, g := range f.scaler.groups {
		g.Offers = slices.DeleteFunc(slices.Clone(g.Offers), taken)
		if len(g.Offers) > 0 {
			both = append(both, g)
		}
	}
	if err := f.scaler.loop.Plan(both, nil); err != nil {
		return err
	}
	f.lay(f.scaler.loop.Kinds(), old, n.Plan)
	f.rejoin()
	return nil
}

// rejoin has all places that serve join the plans that they are of. One that cannot be
// described as the new plan has it is given up, and another takes its place.
func (f *fleet) rejoin() {
	for _, w := range f.watches {
		if vm, ok := f.machine.VM(w.vm.ID); ok && vm.State == provisioner.Ready && w.place != nil && !w.draining {
			f.admit(w)
		}
	}
	l := f.layout.Load()
	f.places.Range(func(_, v any) bool {
		if p := v.(*place); p.kind == balancer.Function {
			if g, ok := l.functionOf(p); ok {
				f.note("join", f.join(p, f.functionMember(g)))
			}
		}
		return true
	})
}

// furnish makes the functions of a plan that are not there yet, and waits for its VMs.
func (f *fleet) furnish(n next) error {
	for _, g := range n.Functions {
		if f.hasFunction(g) {
			continue
		}
		if err := f.ensure(f.ctx, g); err != nil {
			return err
		}
	}
	for end := f.now() + longestMove; !f.furnished(n); {
		if f.now() > end {
			if bare := f.bare(n.Generation); bare >= 0 {
				return fmt.Errorf("%w: nothing of the new plan serves stage %q after %v", ErrCapacity, f.model.Stages[bare].Name, longestMove)
			}
			return nil
		}
		if !sleep(f.ctx, soon) {
			return f.ctx.Err()
		}
	}
	return nil
}

func (f *fleet) hasFunction(g provisioner.FunctionGroup) (has bool) {
	f.places.Range(func(_, v any) bool {
		p := v.(*place)
		has = has || p.kind == balancer.Function && p.stages == g.Stages && p.offer == g.Offer.Name
		return !has
	})
	return has
}

// furnished tells whether each stage, and each VM group that is to have VMs, is served.
func (f *fleet) furnished(n next) bool {
	for _, g := range n.VMs {
		has := g.VMs == 0
		f.places.Range(func(_, v any) bool {
			p := v.(*place)
			has = has || p.kind == balancer.VM && p.stages == g.Stages
			return !has
		})
		if !has {
			return false
		}
	}
	return f.bare(n.Generation) < 0
}

// bare is the first stage that nothing of a generation serves; -1 if there is none.
func (f *fleet) bare(generation uint64) int {
	served, l := make([]bool, len(f.model.Stages)), f.layout.Load()
	f.places.Range(func(_, v any) bool {
		p := v.(*place)
		for s := p.stages.First; s <= p.stages.Last && slices.Contains(l.generations(p), generation); s++ {
			served[s] = true
		}
		return true
	})
	return slices.Index(served, false)
}

// settleOn has the fleet keep to one plan. What it has that is of no use is drained.
func (f *fleet) settleOn(n next) error {
	if err := f.scaler.loop.Plan(n.groups, n.Reach); err != nil {
		return err
	}
	f.scaler.groups = n.groups
	f.lay(f.scaler.loop.Kinds(), n.Plan)
	f.rejoin()
	f.savedAt = 0 // a restart is to know
	return nil
}

// goBack leaves a plan that could not be moved over to.
func (f *fleet) goBack(old provisioner.Plan, n next) error {
	err := f.do(func() error { return f.settleOn(next{old, f.scaler.groups}) })
	f.balancer.Retire(n.Generation)
	f.dismiss()
	return err
}

// dismiss removes functions that are of no plan any more.
func (f *fleet) dismiss() {
	l := f.layout.Load()
	f.places.Range(func(id, v any) bool {
		p := v.(*place)
		if _, ok := l.functionOf(p); ok || p.kind != balancer.Function {
			return true
		}
		f.balancer.Leave(p.id)
		f.places.Delete(id)
		f.log.Info("removing", "function", p.name)
		ctx, cancel := context.WithTimeout(f.ctx, abandonTime)
		defer cancel()
		f.note("remove", f.functions.Remove(ctx, p.name))
		return true
	})
}
