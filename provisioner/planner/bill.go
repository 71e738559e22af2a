package planner

import (
	"math/rand/v2"
	"time"
)

// samples are how many draws a bill is the mean of.
const samples = 128

// bills are the mean bills of calls that run all stages from one to another, fee, cold
// starts and rounding included. The draws are the quantiles of each stage, shuffled and scaled
// to its mean, so that what is not due to rounding is exact.
func (p *problem) bills(offer int) [][]float64 {
	f, r := p.Functions[offer], rand.New(rand.NewPCG(1, 1))
	draws := make([][]float64, p.stages)
	for s := range draws {
		sum := 0.0
		for i := range samples {
			x := float64(f.Times.Quantile(s, 1, (float64(i)+0.5)/samples))
			draws[s], sum = append(draws[s], x), sum+x
		}
		for i := range draws[s] {
			draws[s][i] *= float64(f.Times.Mean(s, 1)) * samples / sum
		}
		r.Shuffle(samples, func(i, j int) { draws[s][i], draws[s][j] = draws[s][j], draws[s][i] })
	}
	bills := make([][]float64, p.stages)
	for from := range bills {
		bills[from] = make([]float64, p.stages)
		for i := range samples {
			work := float64(f.Overhead)
			for s := from; s < p.stages; s++ {
				work += draws[s][i]
				bills[from][s] += f.cost(time.Duration(work+0.5)) / samples
			}
		}
	}
	return bills
}

// cost is the expected bill of a call that works so long.
func (f Function) cost(work time.Duration) float64 {
	warm := f.Offer.Cost(work)
	if f.ColdShare == 0 {
		return warm
	}
	return (1-f.ColdShare)*warm + f.ColdShare*f.Offer.Cost(work+f.Cold)
}
