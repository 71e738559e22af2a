package planner

import "math"

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
	n := max(int(rate/f.saturated), 1)
	for ; n <= min(f.most, tooMany); n += 1 + n/32 {
		if f.over(n) <= f.spare(rate) {
			return []rent{f.rent(n)}
		}
	}
	return nil
}

// spare is how much of a rate may be late: the range's part of what the SLO allows.
func (f *fleet) spare(rate float64) float64 { return (1 - f.p.quantile) * f.p.part(f.in) * rate }
