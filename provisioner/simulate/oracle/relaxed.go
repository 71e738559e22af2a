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

// levels is how many there are between none and as many VMs as could ever pay.
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

// least is the least cost of all requests, and the part of it that goes for VMs.
func (r *relaxed) least(running bool) (dollars, vms float64) {
	most := 0.0
	for _, requests := range r.windows {
		dollars += r.onFunctions(requests)
		all := 0.0
		for _, s := range r.segments {
			if s.slope() > 1 { // others do not save their rent
				all += float64(requests[s.exit]) * s.vm
			}
		}
		most = max(most, all/r.length)
	}
	at, saves := make([]busy, len(r.windows)), make([]float64, len(r.windows))
	height := most / levels
	for i := range levels {
		for k, requests := range r.windows {
			saves[k] = r.length * r.advance(&at[k], requests, float64(i)*height*r.length)
		}
		cost, rent := r.level(saves, running)
		if cost == 0 { // higher ones save less still
			break
		}
		dollars, vms = dollars+height*cost, vms+height*rent
	}
	return dollars, vms
}

// level is the least that a dollar a second of VMs costs over what it saves, and its rent then. It
// starts for a boot.
func (r *relaxed) level(saves []float64, running bool) (cost, rent float64) {
	off, on := [2]float64{}, [2]float64{math.Inf(1), 0}
	if running {
		on[0] = 0
	}
	for _, s := range saves {
		started := [2]float64{off[0] + r.boot, off[1] + r.boot}
		if started[0] < on[0] {
			on = started
		}
		if on[0] < off[0] {
			off = on
		}
		on = [2]float64{on[0] + r.length - s, on[1] + r.length}
	}
	if on[0] < off[0] {
		off = on
	}
	return off[0], off[1]
}

// bad is what the windows that may be bad cost at most, each by itself.
func (r *relaxed) bad() (dollars float64) {
	var each []float64
	for _, requests := range r.windows {
		cost := r.onFunctions(requests) + r.moved(requests)
		rent := 1 + r.boot/r.length
		for _, s := range r.segments {
			cost -= float64(requests[s.exit]) * max(s.saves-rent*s.vm, 0)
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
