package planner

import (
	"math"

	"github.com/serflow/serflow-go/stage"
)

// call is one function for a range of stages: the cheapest size that holds it.
type call struct {
	offer int       // of the functions; -1 if none can
	enter []dollars // expected for a call that enters at a stage of the range
	// seconds is how long such a call from the first stage is expected to take.
	seconds float64
}

// dollars is what something costs, by what it is for.
type dollars struct{ compute, transfer float64 }

func (d dollars) total() float64 { return d.compute + d.transfer }

var impossible = dollars{compute: math.Inf(1)}

// priceCalls finds the best function for every range.
func (p *problem) priceCalls() {
	p.calls = make([][]call, p.stages)
	for first := range p.calls {
		p.calls[first] = make([]call, p.stages)
		for last := range p.calls[first] {
			p.calls[first][last].offer = -1
		}
	}
	for offer := range p.Functions {
		bills := p.bills(offer)
		for first := range p.stages {
			for last := first; last < p.stages; last++ {
				in := stage.Range{First: first, Last: last}
				if !p.holds(offer, in) {
					continue
				}
				c := p.newCall(offer, in, bills)
				if old := &p.calls[first][last]; old.offer < 0 || p.better(first, c, *old) {
					*old = c
				}
			}
		}
	}
}

// better tells which of two sizes is better for a range: the cheaper, and of two that
// cost the same to a thousandth the faster. Below one vCPU all sizes do. If functions are chosen for
// speed, a faster one may cost half as much again. What one costs while it is idle is spread over
// all requests that get as far, as if there were no VMs.
func (p *problem) better(first int, a, b call) bool {
	rate := p.mean * p.reach[first]
	price := func(c call) float64 {
		if idle := p.idle(c.offer); idle > 0 {
			return c.enter[0].total() + idle/rate
		}
		return c.enter[0].total()
	}
	x, y := price(a), price(b)
	fair := 1 + 1e-3
	if p.fast {
		fair = 1.5
	}
	if max(x, y) <= fair*min(x, y) {
		return a.seconds < b.seconds
	}
	return x < y
}

// holds tells whether a range is within a function's limits, and fast enough there.
func (p *problem) holds(offer int, in stage.Range) bool {
	f := p.Functions[offer]
	longest := p.functions[offer].longest.seldomExceeded(in.First, in.Last) + (f.Cold + f.Overhead).Seconds()
	switch o := f.Offer; {
	case p.megabytes(in) > float64(o.MemoryMB):
		return false
	case o.Timeout > 0 && longest > o.Timeout.Seconds():
		return false
	case o.Payload > 0 && max(p.into(in.First), p.into(in.Last+1), p.Network.Answer) > o.Payload:
		return false
	}
	return p.quickEnough(&p.functions[offer], &p.best, in, p.hop(p.Network.Function, in)+f.Overhead.Seconds())
}

// newCall adds up a call by the stage at which it ends.
func (p *problem) newCall(offer int, in stage.Range, bills [][]float64) call {
	f := p.Functions[offer]
	c := call{offer: offer, seconds: f.Overhead.Seconds() + f.ColdShare*f.Cold.Seconds()}
	for s := in.First; s <= in.Last; s++ {
		c.seconds += p.functions[offer].mean[s] * p.visits(in.First, s)
		if f.Offer.Payload > 0 && p.into(s) > f.Offer.Payload {
			c.enter = append(c.enter, impossible)
			continue
		}
		d := dollars{transfer: p.transfer(p.Network.Function, stage.Range{First: s, Last: in.Last})}
		for at := s; at <= in.Last; at++ {
			d.compute += p.leaves(s, at, in.Last) * bills[s][at]
		}
		c.enter = append(c.enter, d)
	}
	return c
}

// visits is the fraction of the requests that enter at a stage which come to another.
func (p *problem) visits(from, at int) float64 {
	if at == from {
		return 1
	}
	return p.goOn(from, at)
}
