package balancer

import (
	"math"
	"sync/atomic"
	"time"
)

// A service meets its objective if in nearly every minute all but one in a hundred of the requests are
// in time. How many may be late on average for that depends on how many come: of a thousand a minute a
// few more or less are too many, of a hundred thousand they are not.
const (
	window    = time.Minute
	lateOfAll = 0.01  // in a window
	quantile  = 2.576 // of the normal distribution: 99.5 % of windows
	clumps    = 4     // requests that are late together
	firstMiss = 0.002 // before a window is over
	leastMiss = 0.0002
	mostMiss  = 0.005 // where VMs are too few, as many again are shed

	// The rate is looked at first after so long, if so many have come.
	firstLook  = time.Second
	enoughSeen = 64
)

// mayMiss is the share of the requests that may be late on average, of so many in a window, if no more
// than lateOfAll are to be in 199 of 200 windows. The late ones come in clumps, so with a mean of x their
// variance is clumps*x, and x + quantile*sqrt(clumps*x) = lateOfAll*requests is solved for x.
func mayMiss(requests float64) float64 {
	if requests <= 0 {
		return firstMiss
	}
	z := quantile * math.Sqrt(clumps)
	root := (math.Sqrt(z*z+4*lateOfAll*requests) - z) / 2
	return min(max(root*root/requests, leastMiss), mostMiss)
}

// pace is how many requests of a core begin in a window. It fills a cache line.
type pace struct {
	begin atomic.Int64  // of the window that is counted
	count atomic.Int64  // in it
	last  atomic.Int64  // in the one before it
	miss  atomic.Uint64 // of float64: mayMiss of those of all cores
	_     [32]byte
}

func newPaces(cores int) []pace {
	p := make([]pace, cores)
	for i := range p {
		p[i].miss.Store(math.Float64bits(firstMiss))
	}
	return p
}

// begins counts a request, and is the share of such that may be late.
func (b *Balancer) begins(core int, now time.Duration) float64 {
	p := &b.paces[core]
	count := p.count.Add(1)
	begin := p.begin.Load()
	lasted := now - time.Duration(begin)
	if over := lasted >= window || lasted >= firstLook && count >= enoughSeen && p.last.Load() == 0; over && p.begin.CompareAndSwap(begin, max(int64(now), 1)) {
		p.count.Store(0)
		if begin > 0 {
			p.last.Store(int64(float64(count) * float64(window) / float64(lasted)))
			p.miss.Store(math.Float64bits(mayMiss(b.inWindow(now))))
		}
	}
	return math.Float64frombits(p.miss.Load())
}

// inWindow is how many requests of all cores came in a window, of late.
func (b *Balancer) inWindow(now time.Duration) (sum float64) {
	for i := range b.paces {
		if p := &b.paces[i]; now-time.Duration(p.begin.Load()) < 2*window {
			sum += float64(p.last.Load())
		}
	}
	return sum
}
