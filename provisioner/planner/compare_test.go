//go:build !race

package planner_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// What the engine sees of a plan is what the plan says, figure by figure.
func TestCompareWithEngine(t *testing.T) {
	a := small(300, 0)
	a.SLO.Latency, a.VMs = 70*time.Millisecond, a.VMs[:1]
	r := plan(t, a)
	e := engine(t, a, r.Plan, 300, 10*time.Minute)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	got := r.Compare(planner.Seen{
		Rate: float64(e.Requests) / e.Seconds, Reach: e.Reach, Median: seconds(e.Latency.P50), Latency: seconds(e.Latency.P99), InTime: e.SLO.Within,
		Bill:  planner.Bill{VMs: e.Dollars.VMs / e.Seconds * 3600, Functions: e.Dollars.Functions / e.Seconds * 3600},
		Calls: float64(e.Functions[0].Calls) / float64(e.Requests),
	})
	t.Logf("\n%v", got)
	for _, f := range got {
		if to := map[bool]float64{true: 0.01, false: 0.15}[f.Share]; !(math.Abs(f.Off()) <= to) {
			t.Errorf("%s is off by %v", f.What, f.Off())
		}
	}
	if len(got) != 12 {
		t.Errorf("%d figures", len(got))
	}
}

// By hand: 40 requests a second on one VM of 0.0342 dollars an hour, that take 10.4 ms.
func TestCompareByHand(t *testing.T) {
	r := plan(t, byHand(planner.Rate{PerSecond: 40, Share: 1}))
	seen := planner.Seen{Rate: 50, Reach: []float64{1}, Bill: planner.Bill{VMs: 0.0684, Functions: 0.01}, Unknown: true, Latency: 20 * time.Millisecond, InTime: 0.9, Calls: 0.02}
	got := r.Compare(seen)
	for what, off := range map[string]float64{"requests/s": -0.2, "VMs, $/h": -0.5, "bill, $/h": 0.0342/0.0784 - 1, "within the SLO": 0.1, "function calls a request": -0.02} {
		if f := got.Figure(what); f.What != what || math.Abs(f.Off()-off) > 1e-3 {
			t.Errorf("%s is off by %v, want %v", what, f.Off(), off)
		}
	}
	if f := got.Figure("transfer, $/h"); f.What != "" || !math.IsInf(got.Figure("median, ms").Off(), 1) || !strings.Contains(got.String(), "all of it") {
		t.Errorf("transfer is not known, and no median was seen:\n%v", got)
	}
}
