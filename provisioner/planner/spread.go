package planner

import (
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// spread is a distribution of times on a grid: the probabilities of its multiples, and of
// what lies beyond its end.
type spread struct {
	step   float64 // seconds
	at     []float64
	beyond float64
}

const gridPoints = 512

func newSpread(end float64) *spread {
	return &spread{step: end / gridPoints, at: make([]float64, gridPoints)}
}

// point is a time with a probability.
type point struct{ seconds, share float64 }

// put adds probability at a time: to the two multiples about it, so that the mean stays.
func (d *spread) put(p point) {
	x := min(p.seconds/d.step, gridPoints)
	i := int(x)
	w := x - float64(i)
	for _, b := range [2]point{{float64(i), 1 - w}, {float64(i + 1), w}} {
		switch {
		case b.share <= 0:
		case b.seconds >= gridPoints:
			d.beyond += p.share * b.share
		default:
			d.at[int(b.seconds)] += p.share * b.share
		}
	}
}

// add adds a share of another distribution, later by the points of a third.
func (d *spread) add(o *spread, share float64, later ...point) {
	if share <= 0 {
		return
	}
	shift := newSpread(d.step * gridPoints)
	for _, p := range later {
		shift.put(p)
	}
	total := 0.0
	for j, w := range shift.at {
		if w *= share; w > 0 {
			total += w
			for i, x := range o.at[:gridPoints-j] {
				d.at[i+j] += w * x
			}
			for _, x := range o.at[gridPoints-j:] {
				d.beyond += w * x
			}
		}
	}
	rest := shift.beyond * share
	d.beyond += total*o.beyond + rest*o.all()
}

func (d *spread) all() float64 {
	sum := d.beyond
	for _, x := range d.at {
		sum += x
	}
	return sum
}

// within is the share that takes no longer.
func (d *spread) within(seconds float64) (share float64) {
	for i, x := range d.at {
		if float64(i)*d.step > seconds*(1+1e-9) {
			break
		}
		share += x
	}
	return share
}

// quantile is the time within which a share lies; the longest Duration if that is beyond the grid.
func (d *spread) quantile(q float64) time.Duration {
	sum := 0.0
	for i, x := range d.at {
		if sum += x; sum >= q {
			return time.Duration(float64(i) * d.step * float64(time.Second))
		}
	}
	return math.MaxInt64
}

// pointsOf are the times of a stage, finer towards the tail, with its mean.
func pointsOf(t profile.Times, s, rows int) (points []point) {
	below, mean := 0.0, 0.0
	for _, part := range [...]struct {
		to float64
		n  int
	}{{0.8, 24}, {0.95, 12}, {0.99, 12}, {0.999, 9}, {1, 3}} {
		share := (part.to - below) / float64(part.n)
		for i := range part.n {
			x := t.Quantile(s, rows, below+share*(float64(i)+0.5)).Seconds()
			points, mean = append(points, point{x, share}), mean+share*x
		}
		below = part.to
	}
	scale := t.Mean(s, rows).Seconds() / mean
	for i := range points {
		points[i].seconds *= scale
	}
	return points
}
