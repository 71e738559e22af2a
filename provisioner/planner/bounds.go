package planner

import (
	"math"

	"github.com/serflow/serflow-go/stage"
)

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
