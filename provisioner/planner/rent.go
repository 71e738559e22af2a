package planner

import (
	"cmp"
	"math"
	"slices"
)

// rent is n VMs for a range. What it costs is a line over what an overflowing request
// costs: see at.
type rent struct {
	fleet *fleet
	n     int
	fixed float64 // dollars a second for VMs, and for the transfer of what they carry
	over  float64 // requests per second that they do not carry
	// apart is dollars a second that a fleet costs more because it follows rates that vary by itself: half a VM, since
	// VMs are whole, and a share of its VMs, since what one part has too many another may lack. A plan's first fleet
	// pays nothing; each further one has to earn it.
	apart float64
}

// aloneShare is a tenth: plans that saved less of a further fleet by their figures were the dearer ones, and later, in
// simulations of bursts.
const aloneShare = 0.1

func (r *rent) at(perCall float64) float64 { return r.fixed + perCall*r.over }

func (f *fleet) rent(n int) rent {
	over := f.over(n)
	carried := f.p.mean*f.p.reach[f.in.First] - over
	r := rent{fleet: f, n: n, over: over, fixed: f.dollars(n) + carried*f.p.transfer(f.p.Network.VM, f.in)}
	if f.p.varies && n >= f.free {
		r.apart = f.price/2 + aloneShare*f.dollars(n)
	}
	if f.must {
		r.over = 0 // it is the SLO's, not the bill's
	}
	return r
}

// fluid is the least that VMs of a fleet could cost, if a VM carried all that it can until it
// is full, and for how many that is.
func (f *fleet) fluid(perCall float64) (dollars float64, n int) {
	pays := f.price / (perCall * f.saturated) // share of the time that a VM must be full
	rate, share := 0.0, 0.0
	for _, r := range f.p.Traffic.Rates { // the highest first
		if share += r.Share; share > pays {
			rate = r.PerSecond * f.p.reach[f.in.First]
			break
		}
	}
	best := math.Inf(1)
	for _, m := range [2]int{int(rate / f.saturated), int(rate/f.saturated) + 1} {
		m = min(max(m, min(f.free, f.most)), f.most)
		d := f.dollars(m)
		for _, r := range f.p.Traffic.Rates {
			d += perCall * r.Share * max(r.PerSecond*f.p.reach[f.in.First]-float64(m)*f.saturated*f.ready, 0)
		}
		if d < best {
			best, n = d, m
		}
	}
	return best, n
}

// rents are what could be the cheapest for a range, for calls that cost from low to
// high: of each fleet the sizes about that whose next VM would not pay. A fleet that even
// as a fluid would cost more than another is left out, unless its table is known.
func rents(fleets []*fleet, low, high float64) (all []rent) {
	type bound struct {
		*fleet
		low, high float64
	}
	var bounds []bound
	for _, f := range fleets {
		if f.must {
			all = append(all, f.enough()...)
			continue
		}
		if f.p.crowded(f.in, f.p.peak*f.p.reach[f.in.First]) { // functions alone are no choice
			all = append(all, f.sizes(low, high)...)
			continue
		}
		if f.price >= high*f.saturated && f.free == 0 {
			continue // T-CIP is above mu_sat: it can never pay
		}
		l, _ := f.fluid(low)
		h, _ := f.fluid(high)
		bounds = append(bounds, bound{f, l, h})
	}
	slices.SortStableFunc(bounds, func(a, b bound) int { return cmp.Compare(a.low+a.high, b.low+b.high) })
	bestLow, bestHigh := math.Inf(1), math.Inf(1)
	for _, b := range bounds {
		if b.low >= bestLow && b.high >= bestHigh {
			continue
		}
		for _, r := range b.sizes(low, high) {
			bestLow, bestHigh = min(bestLow, r.at(low)), min(bestHigh, r.at(high))
			all = append(all, r)
		}
	}
	return cheapest(all)
}

// cheapest keeps the rents that are the cheapest for some price of a call: the lower
// hull of (over, fixed).
func cheapest(all []rent) (hull []rent) {
	slices.SortStableFunc(all, func(a, b rent) int {
		return cmp.Or(cmp.Compare(a.over, b.over), cmp.Compare(a.fixed, b.fixed))
	})
	for _, r := range all {
		n := len(hull)
		if n > 0 && r.fixed >= hull[n-1].fixed {
			continue // it carries less and is no cheaper
		}
		for ; n > 1; n-- {
			a, b := hull[n-2], hull[n-1]
			if (a.fixed-b.fixed)*(r.over-b.over) > (b.fixed-r.fixed)*(b.over-a.over) {
				break
			}
		}
		hull = append(hull[:n], r)
	}
	return hull
}
