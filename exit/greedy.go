package exit

import (
	"context"
	"math"
	"slices"
)

// gridSize is how many quantiles of an exit's scores are tried as thresholds.
const gridSize = 64

// candidate is a set of thresholds on the way from full depth to cheapest, with
// its outcome on the rows it was found on.
type candidate struct {
	thresholds []float64
	cost       float64 // summed over rows
	right      int
}

// climber walks from the full-depth model towards cheaper ones. From each point
// it takes the move (loosen one exit to a grid level, or switch one off) with the
// best cost saved per correct row lost. Cost falls at every move, so it ends.
type climber struct {
	t     *table
	grid  [][]float64 // [exit] thresholds, strictest first
	first [][]int     // [exit][row] first grid level at which the row leaves
	level []int       // [exit] current grid level, -1 if off
	least float64     // a saving below this is rounding error
}

// move sets one exit's grid level.
type move struct {
	exit, level int
	saved       float64
	lost        int // correct rows
}

// beats orders moves: those that lose nothing first, by saving; then by saving
// per correct row lost.
func (m move) beats(o move) bool {
	if (m.lost <= 0) != (o.lost <= 0) {
		return m.lost <= 0
	}
	if m.lost <= 0 {
		return m.saved > o.saved
	}
	return m.saved*float64(o.lost) > o.saved*float64(m.lost)
}

func newClimber(t *table, kind Kind) *climber {
	c := &climber{t: t}
	for k := range len(t.cost) - 1 {
		grid := quantiles(t.score[k], kind)
		first := make([]int, t.rows)
		for i, s := range t.score[k] {
			first[i], _ = slices.BinarySearchFunc(grid, s, func(g, s float64) int {
				if g > s {
					return -1
				}
				return 1 // never equal, so that the answer is the first g <= s
			})
		}
		c.grid, c.first, c.level = append(c.grid, grid), append(c.first, first), append(c.level, -1)
	}
	c.least = 1e-12 * t.run(c.thresholds()).cost
	return c
}

// quantiles are distinct thresholds at even steps of the scores' ranks, strictest
// first. The last one lets every finite row leave, also rows less sure than any
// that were seen.
func quantiles(scores []float64, kind Kind) []float64 {
	finite := make([]float64, 0, len(scores))
	for _, s := range scores {
		if !math.IsInf(s, -1) {
			finite = append(finite, s)
		}
	}
	if len(finite) == 0 {
		return nil // an exit that is always bad stays off
	}
	slices.Sort(finite)
	slices.Reverse(finite)
	var grid []float64
	for q := 1; q < gridSize; q++ {
		grid = append(grid, finite[(len(finite)-1)*q/gridSize])
	}
	loosest := 0.0
	if kind == KindEntropy {
		loosest = -1
	}
	return slices.Compact(append(grid, loosest))
}

func (c *climber) thresholds() []float64 {
	out := make([]float64, len(c.t.cost))
	out[len(out)-1] = off // the final exit has none
	for k, l := range c.level {
		out[k] = off
		if l >= 0 {
			out[k] = c.grid[k][l]
		}
	}
	return out
}

// climb returns every point passed, costliest first; the first is full depth.
func (c *climber) climb(ctx context.Context) ([]candidate, error) {
	o := c.t.run(c.thresholds())
	points := []candidate{{c.thresholds(), o.cost, o.right}}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		best, ok := c.best(o)
		if !ok {
			return points, nil
		}
		// A long move is cut into single levels: the points between are cheaper
		// than here and safer than its end, and the certificate may stop at one.
		for l := c.level[best.exit] + 1; l < best.level; l++ {
			c.level[best.exit] = l
			if mid := c.t.run(c.thresholds()); mid.cost < points[len(points)-1].cost-c.least {
				points = append(points, candidate{c.thresholds(), mid.cost, mid.right})
			}
		}
		c.level[best.exit] = best.level
		o = c.t.run(c.thresholds())
		points = append(points, candidate{c.thresholds(), o.cost, o.right})
	}
}

// best is the best move from o, if any saves cost.
func (c *climber) best(o outcome) (best move, ok bool) {
	consider := func(m move) {
		if m.saved > c.least && (!ok || m.beats(best)) {
			best, ok = m, true
		}
	}
	paid := c.t.paid(c.thresholds())
	for k, l := range c.level {
		c.loosen(k, o, paid, consider)
		if l >= 0 {
			c.level[k] = -1
			without := c.t.run(c.thresholds())
			c.level[k] = l
			consider(move{k, -1, o.cost - without.cost, o.right - without.right})
		}
	}
	return best, ok
}

// loosen considers every looser level of exit k, in one pass over the rows: what
// each row would bring is added at the first level that lets it leave, and the
// running sum over levels is then each level's total.
func (c *climber) loosen(k int, o outcome, paid []float64, consider func(move)) {
	saved, lost := make([]float64, len(c.grid[k])+1), make([]int, len(c.grid[k])+1)
	total := 0.0
	here := paid[k]
	for i, at := range o.leave {
		if at <= k {
			continue
		}
		if c.level[k] < 0 {
			total -= c.t.head[k] // every row that comes by pays to be asked
		}
		f := c.first[k][i]
		saved[f] += paid[at] - here
		lost[f] += count(c.t.right[at][i]) - count(c.t.right[k][i])
	}
	sum := 0
	for l := range c.grid[k] {
		total += saved[l]
		sum += lost[l]
		if l > c.level[k] {
			consider(move{k, l, total, sum})
		}
	}
}

// patienceGrid lists every patience k with every count of leading exits switched
// on. An exit before one that is on cannot be skipped, because the run of
// agreement needs its vote; so only a tail can be switched off.
func patienceGrid(t *table) []candidate {
	stages := len(t.cost)
	var points []candidate
	for on := 0; on < stages; on++ {
		for k := 1; k <= max(on, 1); k++ {
			thresholds := slices.Repeat([]float64{off}, stages)
			for j := range on {
				thresholds[j] = float64(k)
			}
			o := t.run(thresholds)
			points = append(points, candidate{thresholds, o.cost, o.right})
		}
	}
	return points
}

// pareto keeps full depth (the first point) and, costliest first, the points that
// no cheaper point equals in accuracy: a dominated point early in the walk would
// only give the certificate a reason to stop.
func pareto(points []candidate) []candidate {
	rest := slices.Clone(points[1:])
	slices.SortStableFunc(rest, func(a, b candidate) int {
		switch {
		case a.cost < b.cost, a.cost == b.cost && a.right > b.right:
			return -1
		case a.cost > b.cost, a.right < b.right:
			return 1
		}
		return 0
	})
	kept := []candidate{}
	most := -1
	for _, p := range rest {
		if p.right > most && p.cost < points[0].cost {
			kept, most = append(kept, p), p.right
		}
	}
	kept = append(kept, points[0])
	slices.Reverse(kept)
	return kept
}

// prune switches off the exits at which no row left: asking them saves nothing.
// Under patience only a tail can go, for the reason patienceGrid gives.
func prune(t *table, thresholds []float64, kind Kind) {
	share := t.run(thresholds).share
	for k := len(thresholds) - 2; k >= 0; k-- {
		if share[k] == 0 {
			thresholds[k] = off
		} else if kind == KindPatience {
			return
		}
	}
}
