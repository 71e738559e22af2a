package simulate

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
)

// How a service moves to another plan (serflow.Scale): how often at most, for how long it waits for VMs of the new plan,
// and how often it looks.
const replanEvery, longestMove, soon = 10 * time.Minute, 10 * time.Minute, 100 * time.Millisecond

// move is what a run is at while requests move to r.Plan.
type move struct {
	old       provisioner.Plan
	before    []control.Group // the old plan's
	groups    []control.Group // the new one's
	since     time.Duration
	published bool
}

// replan asks for another plan if traffic has left the band of this one, and begins to move to it: its functions are made,
// VMs that are there and can be of it are, and the others are launched.
func (r *run) replan() {
	if r.Replan == nil || r.move != nil || r.now < r.replanAt {
		return
	}
	d, drifts := r.control.Drift()
	if !drifts || !(d.Rate > 0) {
		return
	}
	r.replanAt = r.now + replanEvery
	next, groups, ok := r.Replan(r.now, d)
	if !ok {
		return
	}
	m := &move{old: r.Plan, before: r.control.Groups(), groups: groups, since: r.now}
	next.Generation = r.Plan.Generation + 1
	r.Plan, r.move, r.moved = next, m, true
	if r.broken = r.begin(m); r.broken == nil {
		r.at(r.now+soon, r.goOn)
	}
}

func (r *run) begin(m *move) error {
	if err := r.validate(); err != nil {
		return fmt.Errorf("another plan: %w", err)
	}
	if err := r.control.Toward(m.groups); err != nil {
		return fmt.Errorf("%w: another plan: %w", ErrScenario, err)
	}
	if err := r.addFunctions(); err != nil {
		return err
	}
	return r.regroupAll()
}

// regroupAll goes by the newest plan for all groups of the loop, and has all VMs set up by it.
func (r *run) regroupAll() error {
	if err := r.checkKinds(r.control.Loop); err != nil {
		return err
	}
	for _, g := range r.control.Kinds() {
		if err := r.addGroup(g); err != nil {
			return err
		}
	}
	for _, p := range r.places {
		if v := p.vm; v != nil && !v.gone && v.ready {
			r.setUp(v)
			r.rejoin(v)
		}
	}
	r.wakeFleet(r.now)
	return nil
}

// goOn looks whether the move has got on: requests begin with the new plan once it is furnished, and the old one is
// settled once none of its requests is left.
func (r *run) goOn() {
	m, late := r.move, r.now >= r.move.since+longestMove
	switch furnished, bare := r.furnished(); {
	case !m.published && late && bare:
		next := r.Plan
		r.Plan, m.groups = m.old, m.before
		r.settleMove()
		r.balancer.Retire(next.Generation)
		return
	case !m.published && (furnished || late):
		r.balancer.Publish(r.Plan.Generation)
		m.published = true
	}
	if m.published {
		if _, ok := r.balancer.Retire(m.old.Generation); ok {
			r.settleMove()
			return
		}
	}
	r.at(r.now+soon, r.goOn)
}

// settleMove keeps to one plan.
func (r *run) settleMove() {
	groups := r.move.groups
	r.move = nil
	if r.broken = r.control.Plan(groups, r.Plan.Reach); r.broken != nil {
		return
	}
	for id, p := range r.places {
		f := p.function
		if f != nil && f.until == Never && !slices.ContainsFunc(r.Plan.Functions, func(g provisioner.FunctionGroup) bool {
			return g.Stages == p.group.stages && g.Offer.Name == p.group.offer
		}) {
			f.until = r.now
			r.balancer.Leave(uint64(id))
		}
	}
	r.broken = r.regroupAll()
}

// furnished tells whether each VM group of the plan that is to have VMs has one, and whether some stage is served by
// nothing.
func (r *run) furnished() (all, bare bool) {
	all = true
	has := func(g provisioner.VMGroup) bool {
		for _, p := range r.places {
			if v := p.vm; v != nil && !v.gone && v.ready && !v.draining && (v.group.stages == g.Stages || v.next != nil && v.next.stages == g.Stages) {
				return true
			}
		}
		return false
	}
	served := make([]bool, r.Stages)
	for _, f := range r.Plan.Functions {
		for s := f.Stages.First; s <= f.Stages.Last; s++ {
			served[s] = true
		}
	}
	for _, g := range r.Plan.VMs {
		there := has(g)
		all = all && (there || g.VMs == 0)
		for s := g.Stages.First; s <= g.Stages.Last; s++ {
			served[s] = served[s] || there
		}
	}
	bare = slices.Contains(served, false)
	return all && !bare, bare
}

// generations are those in which VMs of a group are picked.
func (r *run) generations(g *group) (all []uint64) {
	if !r.moved {
		return []uint64{r.Plan.Generation}
	}
	plans := []*provisioner.Plan{&r.Plan}
	if r.move != nil {
		plans = append(plans, &r.move.old)
	}
	for _, p := range plans {
		if slices.ContainsFunc(p.VMs, func(x provisioner.VMGroup) bool { return x.Stages == g.stages }) {
			all = append(all, p.Generation)
		}
	}
	return all
}

// regroup makes a VM one of the groups that the fleet has it for.
func (r *run) regroup(v *vm) {
	known, ok := r.fleet.VM(v.id)
	if !ok || v.gone {
		return
	}
	group, next := r.groupOf(known.Key), r.groupOf(known.Next)
	if group == v.group && next == v.next {
		return
	}
	if group != v.group {
		r.rebill(v)
		v.group, r.places[v.place].group = group, group
	}
	v.next = next
	r.setUp(v)
}

// rebill adds up a VM for the group that it has been of until now.
func (r *run) rebill(v *vm) {
	begun := slices.Clone(v.begun)
	r.bill(v)
	v.counted, v.paid = r.now, v.group.vms.Offer.Cost(r.now-v.launched)
	for slot := range begun {
		if begun[slot] != Never {
			v.begun[slot] = r.now
		}
	}
}

// setUp gives the queue of a VM that serves the settings of its groups.
func (r *run) setUp(v *vm) {
	if v.queue == nil {
		return
	}
	config, key := v.group.config, provisioner.Key{Stages: v.group.stages, Offer: v.group.offer}
	if v.next != nil {
		config, key = r.expect().Both(v.group.vms, v.next.vms, r.Stages), provisioner.Key{Stages: v.next.stages, Offer: v.next.offer}
		config.Together = r.Together
	}
	if err := v.queue.Set(config); err != nil {
		r.fleet.Unfit(r.now, v.id, key)
		v.next = nil
		r.wakeFleet(r.now)
	}
	r.pump(v)
}

// rejoin lets the balancer pick a VM that serves, as what it is for now.
func (r *run) rejoin(v *vm) {
	if v.ready && !v.draining && !v.gone {
		r.join(v)
	}
}
