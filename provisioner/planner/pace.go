package planner

import (
	"math"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// depth is an exit that the SLO has something to say about: more requests come to it than
// may be late. Even if all others are in time, it must be in time at its own quantile.
type depth struct {
	last     int
	quantile float64
}

func (p *problem) depthsOf() (depths []depth) {
	for s, reach := range p.reach {
		if spare := 1 - p.quantile; reach > spare {
			depths = append(depths, depth{s, 1 - spare/reach})
		}
	}
	return depths
}

// pace is how fast single rows go through the stages on an offer.
type pace struct {
	mean     []float64 // seconds, by stage
	variance []float64
	batches  [][sizes]float64 // means of a batch of 1, 2, 4, ... rows, by stage
	digest   []int64          // tells the times of a stage from others
	longest  sums             // at the 99th percentile
	depth    []sums           // at the quantile of each depth
}

// sizes are those that batches may have: up to 32 rows.
const sizes = 6

// sums are running sums over the stages: of means, and of the squares of what quantiles
// exceed them by. See profile.Longest for what is made of them.
type sums struct{ mean, square []float64 }

func (s *sums) add(mean, quantile float64) {
	if len(s.mean) == 0 {
		s.mean, s.square = []float64{0}, []float64{0}
	}
	n := len(s.mean) - 1
	over := max(quantile-mean, 0)
	s.mean, s.square = append(s.mean, s.mean[n]+mean), append(s.square, s.square[n]+over*over)
}

// over is the two sums over a range.
func (s *sums) over(first, last int) (mean, square float64) {
	return s.mean[last+1] - s.mean[first], s.square[last+1] - s.square[first]
}

func (s *sums) seldomExceeded(first, last int) float64 {
	mean, square := s.over(first, last)
	return mean + math.Sqrt(max(square, 0))
}

// newPace looks at a profile.
func (p *problem) newPace(t profile.Times) pace {
	c := pace{depth: make([]sums, len(p.depths))}
	for s := range p.stages {
		mean, square := t.Mean(s, 1).Seconds(), 0.0
		const points = 16
		for i := range points {
			x := t.Quantile(s, 1, (float64(i)+0.5)/points).Seconds() - mean
			square += x * x / points
		}
		c.mean, c.variance = append(c.mean, mean), append(c.variance, square)
		c.digest = append(c.digest, digestOf(t, s))
		var batches [sizes]float64
		for i := range batches {
			batches[i] = t.Mean(s, 1<<i).Seconds()
		}
		c.batches = append(c.batches, batches)
		c.longest.add(mean, t.Quantile(s, 1, 0.99).Seconds())
		for i, d := range p.depths {
			c.depth[i].add(mean, t.Quantile(s, 1, d.quantile).Seconds())
		}
	}
	return c
}
