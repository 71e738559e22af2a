package serflow

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// Validate compares what a plan expects with what a pipeline that serves by it has done: between two of its
// Stats, the first of which may be the zero Stats, and the time from the one to the other, or from Open. Take
// the first when all VMs are ready and the minimum that clouds bill of them is over, and the second after some
// minutes of the traffic that the plan was made for. A request without an answer was not in time. What the
// transfer costs no pipeline knows.
func Validate(plan *planner.Result, before, after Stats, took time.Duration) planner.Comparison {
	requests := float64(after.Requests - before.Requests)
	latency := after.Latency.since(before.Latency)
	hours := max(took.Hours(), 1e-12)
	s := planner.Seen{
		Rate: requests / (3600 * hours), Unknown: true,
		Bill:   planner.Bill{VMs: (after.VMDollars - before.VMDollars) / hours, Functions: (after.FunctionDollars - before.FunctionDollars) / hours},
		Median: latency.Quantile(0.5), Latency: latency.Quantile(plan.SLO.Quantile),
		InTime: float64(latency.within(plan.SLO.Latency)) / max(requests, 1),
		Calls:  float64(after.calls()-before.calls()) / max(requests, 1),
	}
	for k := range after.Stages {
		s.Reach = append(s.Reach, float64(after.reached(k)-before.reached(k))/max(float64(after.reached(0)-before.reached(0)), 1))
	}
	return plan.Compare(s)
}

// calls are those of functions.
func (s Stats) calls() (n int64) {
	for _, g := range s.Groups {
		if g.Kind == "function" {
			n += g.Requests
		}
	}
	return n
}

// reached are the requests that a stage has computed; none of the zero Stats.
func (s Stats) reached(stage int) int64 {
	if stage >= len(s.Stages) {
		return 0
	}
	return s.Stages[stage].Requests
}

// since is what a sketch has seen beyond what it had before.
func (l Latency) since(before Latency) Latency {
	if l.h == nil || before.h == nil {
		return l
	}
	all, old := l.h.Export(), before.h.Export()
	for i := range min(len(all.Counts), len(old.Counts)) {
		all.Counts[i] -= old.Counts[i]
	}
	return Latency{hdrhistogram.Import(all)}
}

// within counts what took no longer, to the sketch's 1 %.
func (l Latency) within(d time.Duration) (n int64) {
	if l.h == nil {
		return 0
	}
	for _, bar := range l.h.Distribution() {
		if bar.From <= d.Microseconds() {
			n += bar.Count
		}
	}
	return n
}
