package oracle

import (
	"math"
	"slices"
	"time"
)

// relaxed is the problem of LowerBound for one length of windows.
type relaxed struct {
	*prices
	length  float64 // seconds
	windows [][]int // requests by exit
	minutes int
}

// levels is how many there are at most between none and as many VMs as could ever pay.
const levels = 1024

// newRelaxed leaves a share of the requests that may end in each window out.
func newRelaxed(p *prices, d *Draw, steps int, share float64) *relaxed {
	r := &relaxed{prices: p, length: (time.Duration(steps) * Step).Seconds(), minutes: d.steps()/minute + 2}
	for first := 0; first < d.steps(); first += steps {
		requests, ended := d.window(first, steps)
		leave := int(share * float64(ended))
		for exit := d.stages - 1; exit >= 0; exit-- {
			n := min(leave, requests[exit])
			requests[exit] -= n
			leave -= n
		}
		r.windows = append(r.windows, requests)
	}
	return r
}

// busy is a window at a level: the segment that another dollar of VMs would take over, and up to where.
type busy struct {
	segment int
	until   float64 // dollars of VMs
}

// advance goes on to what a dollar saves beyond so many.
func (r *relaxed) advance(b *busy, requests []int, dollars float64) (saves float64) {
	for ; b.segment < len(r.segments); b.segment++ {
		s := r.segments[b.segment]
		if end := b.until + float64(requests[s.exit])*s.vm; end > dollars {
			return s.slope()
		} else {
			b.until = end
		}
	}
	return 0
}

// ends are the dollars of VMs at which another dollar comes to save less in a window.
func (r *relaxed) ends(requests []int) (ends []float64) {
	if r.must {
		return []float64{r.onVMs(requests)}
	}
	sum := 0.0
	for _, s := range r.segments {
		if s.slope() > 1 { // others do not save their rent
			sum += float64(requests[s.exit]) * s.vm
			ends = append(ends, sum)
		}
	}
	return ends
}

// onVMs is the VMs' dollars of all visits of a window.
func (r *relaxed) onVMs(requests []int) (dollars float64) {
	visits := 0.0
	for exit, n := range requests {
		visits += r.vm[exit]
		dollars += float64(n) * visits
	}
	return dollars
}

// grid is where levels end, rising, in dollars a second: where something changes in some window, and if
// that is in too many places, in some of these and in between.
func (r *relaxed) grid() (ends []float64) {
	for _, requests := range r.windows {
		for _, end := range r.ends(requests) {
			ends = append(ends, end/r.length)
		}
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	n := len(ends)
	if n <= levels {
		return ends
	}
	var some []float64
	for i := 1; i <= levels/2; i++ {
		some = append(some, ends[i*(n-1)/(levels/2)], ends[n-1]*float64(i)/(levels/2))
	}
	slices.Sort(some)
	return slices.Compact(some)
}

// least is the least cost of all requests, and the part of it that goes for VMs.
func (r *relaxed) least(running bool) (dollars, vms float64) {
	for _, requests := range r.windows {
		dollars += r.onFunctions(requests)
	}
	at, level := make([]busy, len(r.windows)), make([]atLevel, len(r.windows))
	from := 0.0
	for _, to := range r.grid() {
		for k, requests := range r.windows {
			if r.must { // at its upper end, where the fewest windows need the level
				level[k].must = r.onVMs(requests) >= to*r.length*(1-1e-12)
			} else {
				level[k].saves = r.length * r.advance(&at[k], requests, from*r.length*(1+1e-12))
			}
		}
		cost, rent := r.level(level, running)
		if rent == 0 { // nor will a higher one be rented
			break
		}
		dollars, vms = dollars+(to-from)*cost, vms+(to-from)*rent
		from = to
	}
	return dollars, vms
}

// atLevel is a window at a level.
type atLevel struct {
	saves float64 // by a dollar a second of VMs
	must  bool    // it needs them
}

// level is the least that a dollar a second of VMs costs over what it saves, and its rent then. It
// starts for a boot.
func (r *relaxed) level(windows []atLevel, running bool) (cost, rent float64) {
	off, on := [2]float64{}, [2]float64{math.Inf(1), 0}
	if running {
		on[0] = 0
	}
	for _, w := range windows {
		started := [2]float64{off[0] + r.boot, off[1] + r.boot}
		if started[0] < on[0] {
			on = started
		}
		if on[0] < off[0] {
			off = on
		}
		if w.must {
			off[0] = math.Inf(1)
		}
		on = [2]float64{on[0] + r.length - w.saves, on[1] + r.length}
	}
	if on[0] < off[0] {
		off = on
	}
	return off[0], off[1]
}

// bad is what the windows that may be bad cost at most, each by itself.
func (r *relaxed) bad() (dollars float64) {
	var each []float64
	rent := 1 + r.boot/r.length
	for _, requests := range r.windows {
		cost := r.onFunctions(requests) + r.moved(requests)
		for _, s := range r.segments {
			cost -= float64(requests[s.exit]) * max(s.saves-rent*s.vm, 0)
		}
		if r.must {
			cost += rent * r.onVMs(requests)
		}
		each = append(each, cost)
	}
	slices.Sort(each)
	for _, cost := range each[len(each)-min(int(0.005*float64(r.minutes)), len(each)):] {
		dollars += cost
	}
	return dollars
}

// moved is what it costs to send requests in and their answers out.
func (r *relaxed) moved(requests []int) (dollars float64) {
	for _, n := range requests {
		dollars += float64(n) * r.transfer
	}
	return dollars
}
