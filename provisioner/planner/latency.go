package planner

import (
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
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
	x := p.seconds / d.step
	i := int(min(x, gridPoints))
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

// journey follows all requests through a plan.
type journey struct {
	p      *problem
	l      *layout
	f      *partition
	before []*spread // by stage: those that need a place for it
	done   *spread
}

// latency is the distribution of the plan's end-to-end latencies, in seconds up to an end.
func (p *problem) latency(l *layout, end float64) *spread {
	j := &journey{p: p, l: l, f: p.newPartition(), done: newSpread(end)}
	for range p.stages + 1 {
		j.before = append(j.before, newSpread(end))
	}
	j.before[0].at[0] = 1
	j.f.follow(l.ends)
	vm := map[int]rent{}
	for _, r := range l.vms {
		for s := r.fleet.in.First; s <= r.fleet.in.Last; s++ {
			vm[s] = r
		}
	}
	for s := range p.stages {
		if j.before[s].all() == 0 {
			continue
		}
		if r, ok := vm[s]; ok {
			j.visit(s, r)
		} else {
			j.call(s, 1, point{0, 1})
		}
	}
	return j.done
}

// visit sends requests to VMs, from where some go on to functions.
func (j *journey) visit(s int, r rent) {
	f := r.fleet
	served, waits, leaves := f.outcomes(r.n)
	path := j.p.Network.VM
	start := newSpread(j.done.step * gridPoints)
	entry := path.Time(j.p.into(s)).Seconds()
	for i := range waits {
		waits[i].seconds += entry
	}
	start.add(j.before[s], served, waits...)
	j.run(start, j.p.VMs[f.vm].Times, stage.Range{First: s, Last: f.in.Last}, f.batch, func(next int) float64 {
		return path.Time(j.p.into(next)).Seconds()
	})
	for i := range leaves {
		if leaves[i].seconds > 0 {
			leaves[i].seconds += 2 * entry
		}
	}
	j.call(s, 1-served, leaves...)
}

// call sends a share of the requests to a function, later by some points.
func (j *journey) call(s int, share float64, later ...point) {
	c := j.f.groups[s]
	if c == nil { // nothing takes them
		j.done.beyond += share * j.before[s].all()
		return
	}
	f := j.p.Functions[c.offer]
	path := j.p.Network.Function
	start, warm := newSpread(j.done.step*gridPoints), newSpread(j.done.step*gridPoints)
	warm.add(j.before[s], share, later...)
	entry := path.Time(j.p.into(s)).Seconds() + f.Overhead.Seconds()
	start.add(warm, 1, point{entry, 1 - f.ColdShare}, point{entry + f.Cold.Seconds(), f.ColdShare})
	j.run(start, f.Times, stage.Range{First: s, Last: j.f.ends[s]}, 1, func(next int) float64 {
		return path.Time(j.p.into(next)).Seconds()
	})
}

// run has requests go through stages up to their exits or the end.
func (j *journey) run(d *spread, t profile.Times, in stage.Range, rows int, back func(next int) float64) {
	for s := in.First; s <= in.Last; s++ {
		after := newSpread(d.step * gridPoints)
		after.add(d, 1, pointsOf(t, s, rows)...)
		on := j.p.goOn(s, s+1)
		j.done.add(after, 1-on, point{back(j.p.stages), 1})
		if s == in.Last && s+1 < j.p.stages {
			j.before[s+1].add(after, on, point{back(s + 1), 1})
		}
		for i := range after.at {
			after.at[i] *= on
		}
		after.beyond *= on
		d = after
	}
}

// outcomes are, over all traffic, the share of requests that n VMs serve, how long these wait,
// and when the others leave.
func (f *fleet) outcomes(n int) (served float64, waits, leaves []point) {
	waits, leaves = make([]point, bins), make([]point, bins)
	for _, r := range f.p.Traffic.Rates {
		rate := r.PerSecond * f.p.reach[f.in.First]
		if rate == 0 {
			continue
		}
		share := r.Share * r.PerSecond / f.p.mean
		load := rate / (float64(n) * f.saturated)
		for b := range bins {
			stay := share * f.ready * f.known.mixed(n, load, func(o *outcome) float64 { return float64(o.waits[b]) / o.rows })
			waits[b].share += stay
			served += stay
			leaves[b].share += share * f.known.mixed(n, load, func(o *outcome) float64 { return float64(o.leaves[b]) / o.rows })
		}
	}
	left := 0.0
	for b := range bins {
		seconds := max(float64(b)-0.5, 0) * f.known.trial.deadline.Seconds() / bins
		waits[b].seconds, leaves[b].seconds = seconds, seconds
		waits[b].share /= max(served, 1e-300)
		left += leaves[b].share
	}
	if left == 0 { // what is not served found no VM
		return min(served, 1), waits, []point{{0, 1}}
	}
	for b := range bins {
		leaves[b].share /= left
	}
	return min(served, 1), waits, leaves
}
