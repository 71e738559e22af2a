package planner

import (
	"math"

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
	calls  float64
}

// latency is the distribution of the plan's end-to-end latencies, in seconds up to an end, and how
// many calls of functions a request makes.
func (p *problem) latency(l *layout, end float64) (d *spread, calls float64) {
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
			j.call(s, j.before[s])
		}
	}
	return j.done, j.calls
}

// visit sends requests to VMs, from where some go on to functions: some would at any time, and
// some because they have less time left than a group's table is made for.
func (j *journey) visit(s int, r rent) {
	f, before, end := r.fleet, j.before[s], j.done.step*gridPoints
	o := f.outcomes(r.n)
	start, away := newSpread(end), newSpread(end)
	start.beyond = before.beyond * o.served
	entry := j.p.Network.VM.Time(j.p.into(s)).Seconds()
	allowed, used := f.deadline-f.travel-f.need[0], j.p.target-f.deadline
	for i, share := range before.at {
		if share == 0 {
			continue
		}
		now := float64(i) * before.step
		longest := math.Inf(1)
		if now > used && !f.must {
			longest = max(allowed-(now-used), 0)
		}
		for _, w := range o.waits {
			if w.seconds > longest {
				away.put(point{now + longest + f.travel, share * w.share})
			} else {
				start.put(point{now + entry + w.seconds, share * w.share})
			}
		}
	}
	j.run(start, j.p.VMs[f.vm].Times, stage.Range{First: s, Last: f.in.Last}, max(int(math.Round(o.batch)), 1), func(next int) float64 {
		return j.p.Network.VM.Time(j.p.into(next)).Seconds()
	})
	for k, points := range o.leaves {
		if at := f.in.First + k; at > s {
			later := newSpread(end)
			later.add(before, 1, points...)
			j.call(at, later)
		} else {
			away.add(before, 1, points...)
		}
	}
	j.call(s, away)
	j.done.beyond += o.shed * before.all()
}

// call sends requests to the function of a stage.
func (j *journey) call(s int, ready *spread) {
	c := j.f.groups[s]
	if c == nil { // nothing takes them
		j.done.beyond += ready.all()
		return
	}
	j.calls += ready.all()
	f := j.p.Functions[c.offer]
	path := j.p.Network.Function
	start := newSpread(j.done.step * gridPoints)
	entry := path.Time(j.p.into(s)).Seconds() + f.Overhead.Seconds()
	start.add(ready, 1, point{entry, 1 - f.ColdShare}, point{entry + f.Cold.Seconds(), f.ColdShare})
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

// fates are what becomes of a fleet's requests, over all traffic. Shares are of all of them.
type fates struct {
	served float64
	waits  []point   // of those that are served
	leaves [][]point // of those that go to a function, by stage of the range: since they came
	shed   float64
	batch  float64 // rows in a row's batch
}

// outcomes are those of n VMs. Those that come while a spot VM is being replaced leave at once.
func (f *fleet) outcomes(n int) (all fates) {
	all.leaves = make([][]point, f.in.Len())
	for _, r := range f.p.Traffic.Rates {
		share := f.ready * r.Share * r.PerSecond / f.p.mean
		load := r.PerSecond * f.p.reach[f.in.First] / (float64(n) * f.saturated)
		if share == 0 || load == 0 {
			continue
		}
		mix := func(of func(o *outcome) float64) float64 { return share * f.known.mixed(n, load, of) }
		all.shed += mix(func(o *outcome) float64 { return o.shed })
		all.batch += share * f.known.mixed(n, min(load, loads[len(loads)-1]), func(o *outcome) float64 { return o.batch }) / f.ready
		for b := range bins {
			at := max(float64(b)-0.5, 0) * f.known.trial.span().Seconds() / bins
			all.waits = append(all.waits, point{at, mix(func(o *outcome) float64 { return float64(o.waits[b]) / o.rows })})
			for k := range all.leaves {
				all.leaves[k] = append(all.leaves[k], point{at, mix(func(o *outcome) float64 { return float64(o.leaves[k][b]) / o.rows })})
			}
		}
	}
	all.waits, all.served = merged(all.waits)
	left := 0.0
	for k := range all.leaves {
		points, share := merged(all.leaves[k])
		all.leaves[k] = points
		left += share
	}
	all.leave(max(f.ready-all.served-all.shed, 0), left)
	all.leaves[0] = append(all.leaves[0], point{0, 1 - f.ready})
	return all
}

// leave has as many requests leave as are left: at loads beyond a table's it is known when, but of too few.
func (all *fates) leave(share, known float64) {
	if known == 0 {
		all.leaves[0] = append(all.leaves[0], point{0, share})
		return
	}
	for _, points := range all.leaves {
		for i := range points {
			points[i].share *= share / known
		}
	}
}

// merged adds up the shares of equal times, which come again after so many bins.
func merged(points []point) (all []point, sum float64) {
	for i, p := range points {
		if sum += p.share; i < bins {
			all = append(all, p)
		} else {
			all[i%bins].share += p.share
		}
	}
	return all, sum
}
