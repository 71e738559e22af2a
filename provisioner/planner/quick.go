package planner

import (
	"hash/fnv"
	"math"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// quickest is, stage by stage, the fastest of all offers: no way through the model is
// faster.
func (p *problem) quickest() pace {
	var best pace
	all := append(append([]pace(nil), p.vms...), p.functions...)
	best.depth = make([]sums, len(p.depths))
	for s := range p.stages {
		mean := math.Inf(1)
		for _, c := range all {
			mean = min(mean, c.mean[s])
		}
		best.mean = append(best.mean, mean)
		pick := func(of func(*pace) *sums) (float64, float64) {
			m, q := 0.0, math.Inf(1)
			for i := range all {
				a, b := of(&all[i]).over(s, s)
				if x := a + math.Sqrt(max(b, 0)); x < q {
					m, q = a, x
				}
			}
			return m, q
		}
		best.longest.add(pick(func(c *pace) *sums { return &c.longest }))
		for i := range p.depths {
			best.depth[i].add(pick(func(c *pace) *sums { return &c.depth[i] }))
		}
	}
	return best
}

// quickEnough tells whether a range may run at a pace, with so many seconds of hops: if all
// other stages were as fast as anything there is, each depth could still be in time.
func (p *problem) quickEnough(c, best *pace, in stage.Range, hops float64) bool {
	for i, d := range p.depths {
		last := min(in.Last, d.last)
		if in.First > last {
			continue
		}
		mean, square := c.depth[i].over(in.First, last)
		for _, rest := range [2][2]int{{0, in.First - 1}, {last + 1, d.last}} {
			if rest[0] <= rest[1] {
				m, q := best.depth[i].over(rest[0], rest[1])
				mean, square = mean+m, square+q
			}
		}
		if mean+math.Sqrt(max(square, 0))+hops > p.target {
			return false
		}
	}
	return true
}

// digestOf is a number that differs where times do.
func digestOf(t profile.Times, s int) int64 {
	d := digest{fnv.New64a()}
	for _, rows := range []int{1, 4, 32} {
		d.add(int64(t.Mean(s, rows)))
		for _, q := range []float64{0.1, 0.5, 0.9, 0.99, 0.999} {
			d.add(int64(t.Quantile(s, rows, q)))
		}
	}
	return int64(d.Sum64())
}
