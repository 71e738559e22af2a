package serflow

import (
	"slices"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// layout is the plan in force, and while requests are moved over to another one, that too. It never
// changes: a move makes new ones.
type layout struct {
	plans  []provisioner.Plan    // one or two
	kinds  []provisioner.VMGroup // all VMs that there may be
	expect provisioner.Expect    // by the newest plan
}

// lay puts a layout into force.
func (c *cloud) lay(kinds []provisioner.VMGroup, plans ...provisioner.Plan) {
	newest := plans[len(plans)-1]
	c.layout.Store(&layout{plans: plans, kinds: kinds, expect: provisioner.Expect{Plan: newest, Times: c.times, Network: c.network}})
}

// inForce is the plan that requests begin with.
func (c *cloud) inForce() provisioner.Plan { return c.layout.Load().plans[0] }

// expected is what places are expected to do.
func (c *cloud) expected() provisioner.Expect { return c.layout.Load().expect }

// groupOf is the plan's group of a kind of VM; ok is false if it has none, as for VMs of a
// plan that has gone.
func (c *cloud) groupOf(k provisioner.Key) (g provisioner.VMGroup, ok bool) {
	kinds := c.layout.Load().kinds
	i := slices.IndexFunc(kinds, func(g provisioner.VMGroup) bool { return g.Offer.Name == k.Offer && g.Stages == k.Stages })
	if i < 0 {
		return provisioner.VMGroup{}, false
	}
	return kinds[i], true
}

// functionOf is the plans' function group of a place, the newest first.
func (l *layout) functionOf(p *place) (g provisioner.FunctionGroup, ok bool) {
	for _, plan := range slices.Backward(l.plans) {
		for _, g := range plan.Functions {
			if g.Stages == p.stages && g.Offer.Name == p.offer {
				return g, true
			}
		}
	}
	return g, false
}

// generations are those of the plans that a place belongs to. VMs belong by their stages: a group
// may have some of another offer than the plan's.
func (l *layout) generations(p *place) (all []uint64) {
	for _, plan := range l.plans {
		has := slices.ContainsFunc(plan.VMs, func(g provisioner.VMGroup) bool { return g.Stages == p.stages })
		if p.kind == balancer.Function {
			has = slices.ContainsFunc(plan.Functions, func(g provisioner.FunctionGroup) bool {
				return g.Stages == p.stages && g.Offer.Name == p.offer
			})
		}
		if has {
			all = append(all, plan.Generation)
		}
	}
	return all
}

// alone is the first of some stages that no function serves; -1 if there is none.
func (c *cloud) alone(in stage.Range) int { return aloneIn(c.inForce(), in) }

func aloneIn(plan provisioner.Plan, in stage.Range) int {
	for s := in.First; s <= in.Last; s++ {
		if !slices.ContainsFunc(plan.Functions, func(g provisioner.FunctionGroup) bool { return g.Stages.Has(s) }) {
			return s
		}
	}
	return -1
}
