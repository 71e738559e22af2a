package simulate

import "time"

// Sample is what happened in one interval of a run with Detail.
type Sample struct {
	Until   float64       `json:"until"`   // when it ends, in seconds since the run had settled; it begins where the one before ends
	Arrived int           `json:"arrived"` // requests that came
	Ended   int           `json:"ended"`
	Within  int           `json:"within"` // of those that ended, within the SLO
	Groups  []GroupSample `json:"groups"` // VM groups as in Result.VMs, then functions as in Result.Functions
}

// GroupSample is what a group did in an interval.
type GroupSample struct {
	Requests  int `json:"requests"`  // sent to it, hedges too
	StageRuns int `json:"stageRuns"` // of one stage for one request each
	VMs       int `json:"vms"`       // at the interval's end, those that boot, serve or drain
	Ready     int `json:"ready"`     // of those, the VMs that serve or drain
}

// Part is a point of a distribution.
type Part struct {
	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share"` // of all, that take no longer
}

// detail collects samples.
type detail struct {
	samples []Sample
	groups  []map[*group]GroupSample // of each sample
	before  sums
}

// sums are counts since the run began.
type sums struct {
	arrived, ended, within int
	sent, runs             map[*group]int
}

// startDetail samples the run each Detail, up to its Until.
func (r *run) startDetail() {
	if r.Detail <= 0 {
		return
	}
	r.detail = &detail{}
	var next func()
	next = func() {
		r.sample()
		if at := r.after(r.Detail); at <= r.Until {
			r.at(at, next)
		}
	}
	if first := r.after(r.Settle) + r.Detail; first <= r.Until {
		r.at(first, next)
	}
}

// sample ends an interval.
func (r *run) sample() {
	d := r.detail
	now := sums{arrived: r.count.arrived, ended: r.count.ended(), within: r.count.within, sent: map[*group]int{}, runs: map[*group]int{}}
	s := Sample{Until: (r.now - r.Settle).Seconds(), Arrived: now.arrived - d.before.arrived, Ended: now.ended - d.before.ended, Within: now.within - d.before.within}
	each := map[*group]GroupSample{}
	for _, g := range r.groups {
		now.sent[g], now.runs[g] = g.sent, g.runs
		x := GroupSample{Requests: g.sent - d.before.sent[g], StageRuns: g.runs - d.before.runs[g]}
		for _, v := range r.vms {
			if v.group == g {
				x.VMs++
				if v.ready {
					x.Ready++
				}
			}
		}
		each[g] = x
	}
	d.before = now
	d.samples, d.groups = append(d.samples, s), append(d.groups, each)
}

// detailed is the samples, each of all groups that there have been by the end.
func (r *run) detailed() []Sample {
	groups := r.sorted()
	for i := range r.detail.samples {
		for _, g := range groups {
			r.detail.samples[i].Groups = append(r.detail.samples[i].Groups, r.detail.groups[i][g])
		}
	}
	return r.detail.samples
}

// sorted is all groups, VMs before functions, each in the order of the result.
func (r *run) sorted() (all []*group) {
	for _, g := range r.groups {
		if g.config.Stages > 0 {
			all = append(all, g)
		}
	}
	for _, g := range r.groups {
		if g.config.Stages == 0 {
			all = append(all, g)
		}
	}
	return all
}

func (c *counts) ended() int {
	return c.answered + c.failed.Deadline + c.failed.Shed + c.failed.Tries
}

// parts is the distribution at each of its steps, no more than a few hundred.
func (h *histogram) parts() (all []Part) {
	for _, b := range h.CumulativeDistributionWithTicks(20) {
		p := Part{Seconds: (time.Duration(b.ValueAt) * time.Microsecond).Seconds(), Share: float64(b.Count) / float64(h.count)}
		if n := len(all); n > 0 && all[n-1].Seconds == p.Seconds {
			all = all[:n-1]
		}
		all = append(all, p)
	}
	return all
}
