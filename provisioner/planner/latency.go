package planner

import (
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

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
