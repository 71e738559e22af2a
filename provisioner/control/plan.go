package control

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
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
			PerRequest: perRequest(e, g.Stages), Saturation: slots / work, FullPass: slots / pass,
			Boot: boot, Carried: policy.Erlang{Slots: g.SlotsOf(), Rate: 1 / work},
		}}
		if g.Offer.Market != provisioner.Committed {
			o.PerSecond = g.Offer.PerHour / 3600
		}
		groups = append(groups, Group{Offers: []Offer{o}})
	}
	return groups
}

// Elsewhere is what a request costs in dollars on functions that gets to stages which no VM group of
// the plan has, by the first of these: for Shadow.Elsewhere.
func Elsewhere(e provisioner.Expect, stages int) []float64 {
	dollars := make([]float64, stages)
	on := func(s int) bool {
		return slices.ContainsFunc(e.Plan.VMs, func(g provisioner.VMGroup) bool { return g.Stages.Has(s) })
	}
	for first := 0; first < stages; first++ {
		last := first - 1
		for last+1 < stages && !on(last+1) {
			last++
		}
		if last >= first {
			dollars[first] = perRequest(e, stage.Range{First: first, Last: last})
			first = last
		}
	}
	return dollars
}

// perRequest is what a request costs for some stages on the plan's functions; 0 if one has none.
func perRequest(e provisioner.Expect, in stage.Range) (dollars float64) {
	for s := in.First; s <= in.Last; {
		f, ok := functionAt(e.Plan, s)
		if !ok {
			return 0
		}
		m := e.Function(f)
		dollars += e.Plan.GoOn(in.First, s) * f.Offer.Cost(m.Service[s-f.Stages.First])
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
