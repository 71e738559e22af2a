package planner

import (
	"cmp"
	"math"
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// rent is n VMs for a range. What it costs is a line over what an overflowing request
// costs: see at.
type rent struct {
	fleet *fleet
	n     int
	fixed float64 // dollars a second for VMs, and for the transfer of what they carry
	over  float64 // requests per second that they do not carry
}

func (r *rent) at(perCall float64) float64 { return r.fixed + perCall*r.over }

func (f *fleet) rent(n int) rent {
	over := f.over(n)
	carried := f.p.mean*f.p.reach[f.in.First] - over
	r := rent{fleet: f, n: n, over: over, fixed: f.dollars(n) + carried*f.p.transfer(f.p.Network.VM, f.in)}
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

// sizes are the numbers of VMs from which no VM more would pay, if calls cost from low
// to high.
func (f *fleet) sizes(low, high float64) (all []rent) {
	if f.most == 0 {
		return nil
	}
	_, n := f.fluid(low)
	from := f.stops(max(n, 1), low)
	to := f.stops(from, high)
	slack := 1 + from/16
	step := 1 + (to-from+2*slack)/16
	first := f.uncrowded(max(from-slack, 1))
	for n := first; n <= min(max(to+slack, first), f.most); n += step {
		all = append(all, f.rent(n))
	}
	return all
}

// uncrowded is a number of VMs, from n, that leaves no more to functions than the account
// allows at once, even at the peak.
func (f *fleet) uncrowded(n int) int {
	peak := f.p.peak * f.p.reach[f.in.First]
	for ; f.p.crowded(f.in, peak*(1-f.carried(n, peak))); n += 1 + n/16 {
		if n > tooMany {
			return math.MaxInt32
		}
	}
	return n
}

// stops is the number of VMs, near n, from which no few VMs more or less would pay. Few, not
// one: in steps of whole VMs what they carry is not quite concave.
func (f *fleet) stops(n int, perCall float64) int {
	cost := func(n int) float64 { return f.dollars(n) + perCall*f.over(n) }
	best := min(n, f.most)
	least := cost(best)
	for n := best - 1; n >= max(best-2-best/16, 1); n-- {
		if c := cost(n); c <= least {
			best, least = n, c
		}
	}
	for n := best + 1; n <= min(best+2+best/16, f.most); n++ {
		if c := cost(n); c < least {
			best, least = n, c
		}
	}
	return best
}

// tooMany VMs are more than anyone rents for one group.
const tooMany = 1 << 16

// enough is the smallest number of VMs that carries all but a part of what the SLO allows to be
// late, for a range that no function could take over.
func (f *fleet) enough() []rent {
	rate := f.p.mean * f.p.reach[f.in.First]
	spare := (1 - f.p.quantile) * f.p.part(f.in) * rate
	n := max(int(rate/f.saturated), 1)
	for ; n <= min(f.most, tooMany); n += 1 + n/32 {
		if f.over(n) <= spare {
			return []rent{f.rent(n)}
		}
	}
	return nil
}

// callBounds are what an overflowing request of a range may cost: half of the work at the
// cheapest price, to twice the work and a call for each stage at the dearest.
func (p *problem) callBounds(in stage.Range) (low, high float64) {
	for s := in.First; s <= in.Last; s++ {
		least, most := math.Inf(1), 0.0
		for i, f := range p.Functions {
			perSecond := f.Offer.PerGBSecond * float64(f.Offer.MemoryMB) / 1024 * p.functions[i].mean[s]
			least, most = min(least, perSecond), max(most, perSecond)
		}
		for _, c := range p.calls[s][s:] {
			if c.offer >= 0 {
				most = max(most, c.enter[0].total())
			}
		}
		low += p.visits(in.First, s) * least / 2
		high += p.visits(in.First, s) * most * 2
	}
	return low, high
}
