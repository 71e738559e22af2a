package policy

import (
	"math"
	"time"
)

// TCIP is the traffic cost indifference point, P_v / c_f: the rate in requests per second at
// which one VM costs what functions would. It is 0 for a group without functions, where any
// request is worth a VM. The formula is Serflow's own reading of the name.
func (e Economics) TCIP() float64 {
	if e.PerRequest == 0 {
		return 0
	}
	return e.PerSecond / e.PerRequest
}

// SCIP is the sparsity cost indifference point at a rate of the whole pipeline: the reach at
// which one VM costs what functions would, T-CIP / lambda. The formula is Serflow's own
// reading of the name.
func (e Economics) SCIP(lambda float64) float64 {
	if e.TCIP() == 0 {
		return 0
	}
	return e.TCIP() / lambda
}

// carried is Carried, or its default.
func (g Group) carried() Carried {
	if g.Carried == nil {
		return Fluid{g.Saturation}
	}
	return g.Carried
}

// have is the VMs that serve or soon will. Draining ones are on their way out.
func (g Group) have() int { return g.Ready + g.Booting }

// limits is what an order must keep to.
func (g Group) limits() (least, most float64) {
	most = float64(max(g.Max, 0))
	return min(float64(max(g.Min, 0)), most), most
}

// within is an order of so many VMs, within the limits.
func (g Group) within(vms float64, why Reason) Order {
	least, most := g.limits()
	why.Price = g.PerSecond * 3600
	return Order{VMs: min(max(vms, least), most), Why: why}
}

// hold keeps what there is.
func (g Group) hold(rule string) Order { return g.within(float64(g.have()), Reason{Rule: rule}) }

// odd tells whether a group's numbers cannot be, so that nothing follows from them.
func (g Group) odd() bool {
	for _, x := range []float64{g.PerSecond, g.PerRequest, g.Saturation, g.FullPass, g.Reach} {
		if !(x >= 0) || math.IsInf(x, 0) {
			return true
		}
	}
	return g.Ready < 0 || g.Booting < 0 || g.Draining < 0 || g.Boot < 0 || g.Saturation == 0
}

// switching is what launching a VM too soon costs, over what it costs in its life: boot/life.
// It is at most one half: where VMs boot longer than that, VMs would be kept for ever.
func (g Group) switching(life time.Duration) float64 {
	return min(float64(g.Boot)/float64(life), 0.5)
}

// Rules that several policies have.
const (
	noCounts = "hold: no counts have come"
	oddGroup = "hold: the group's numbers cannot be right"
	noVMs    = "functions: no VM may serve this group"
)

// settled is the order of a group that needs no policy.
func (g Group) settled(known bool) (o Order, ok bool) {
	switch {
	case g.Max <= 0:
		return g.within(0, Reason{Rule: noVMs}), true
	case g.odd():
		return g.hold(oddGroup), true
	case !known:
		return g.hold(noCounts), true
	}
	return Order{}, false
}
