package control

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// Planned is the groups of a plan, from what a planner knows of them: planner.Planner.Kinds.
func Planned(kinds [][]planner.Kind) (groups []Group) {
	for _, all := range kinds {
		var g Group
		for _, k := range all {
			g.Offers = append(g.Offers, Offer{k.VMGroup, policy.Economics{
				PerSecond: k.PerSecond, PerRequest: k.PerCall, Saturation: k.Saturated, FullPass: k.FullPass, Boot: k.Boot, Carried: k.Carried,
			}})
		}
		groups = append(groups, g)
	}
	return groups
}

// Supposed is the groups of a plan by its mean times alone, for want of a planner's tables: what would
// wait at all is taken not to be carried, as where there is no time to wait. Boot is from a
// launch until a VM serves.
func Supposed(e provisioner.Expect, stages int, boot time.Duration) (groups []Group) {
	for _, g := range e.Plan.VMs {
		q := e.Queue(g, stages)
		work, pass := 0.0, 0.0
		for s := g.Stages.First; s <= g.Stages.Last; s++ {
			n := len(q.Curve[s])
			perRow := q.Curve[s][n-1].Seconds() / float64(n)
			work, pass = work+e.Plan.GoOn(g.Stages.First, s)*perRow, pass+perRow
		}
		slots := float64(g.SlotsOf())
		o := Offer{VMGroup: g, Economics: policy.Economics{
			PerRequest: perRequest(e, g), Saturation: slots / work, FullPass: slots / pass,
			Boot: boot, Carried: policy.Erlang{Slots: g.SlotsOf(), Rate: 1 / work},
		}}
		if g.Offer.Market != provisioner.Committed {
			o.PerSecond = g.Offer.PerHour / 3600
		}
		groups = append(groups, Group{Offers: []Offer{o}})
	}
	return groups
}

// perRequest is what a request of a group costs on the plan's functions; 0 if some stage has none.
func perRequest(e provisioner.Expect, g provisioner.VMGroup) (dollars float64) {
	for s := g.Stages.First; s <= g.Stages.Last; {
		f, ok := functionAt(e.Plan, s)
		if !ok {
			return 0
		}
		m := e.Function(f)
		dollars += e.Plan.GoOn(g.Stages.First, s) * f.Offer.Cost(m.Service[s-f.Stages.First])
		s = f.Stages.Last + 1
	}
	return dollars
}

func functionAt(p provisioner.Plan, s int) (provisioner.FunctionGroup, bool) {
	for _, f := range p.Functions {
		if f.Stages.Has(s) {
			return f, true
		}
	}
	return provisioner.FunctionGroup{}, false
}
