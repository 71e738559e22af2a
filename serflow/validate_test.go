package serflow_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/serflow"
)

// A plan is served by VMs as fast as it takes them to be, at the rate that it was made for; and then by
// VMs that take twice as long and at half of the rate, which shows.
func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond int
		stage     time.Duration
		seen      map[string]float64
	}{
		"as planned":         {2, 100 * time.Millisecond, map[string]float64{"requests/s": 2, "VMs, $/h": 0.036, "bill, $/h": 0.036, "median, ms": 300, "p99, ms": 300, "within the SLO": 1, "function calls a request": 0}},
		"slower and quieter": {1, 200 * time.Millisecond, map[string]float64{"requests/s": 1, "VMs, $/h": 0.036, "bill, $/h": 0.036, "median, ms": 600, "p99, ms": 600, "within the SLO": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ask := twoParts(t, 1, 1, 1)
				ask.VMs, ask.Traffic = ask.VMs[1:], planner.Steady(2, 0)
				var by planner.Planner
				plan, err := by.Plan(*ask)
				if err != nil {
					t.Fatal(err)
				}
				s := newSkies(t, rentedModel, nil, roomy)
				s.workerOf = func(providers.Instance) *plainWorker {
					w := newPlainWorker(rentedModel)
					w.times = func(int) time.Duration { return c.stage }
					return w
				}
				p := s.open(t, serflow.Plan(plan.Plan), serflow.SLO(3*time.Second), serflow.Limits(provisioner.Limits{VMs: 3, PerHour: 1, PerDay: 20}))
				defer s.closed(t, p)
				waitUntil(t, "all VMs", func() bool { return ready(p) == plan.Plan.VMs[0].VMs })
				time.Sleep(roomy.Minimum) // is billed from the start
				before, begun := p.Stats(), time.Now()
				stream(t, p, c.perSecond, 10*time.Minute, 2)
				got := serflow.Validate(plan, before, p.Stats(), time.Since(begun))
				for what, seen := range c.seen {
					if f := got.Figure(what); f.What == "" || math.Abs(f.Seen-seen) > 0.02*seen {
						t.Errorf("%s was %v, want %v:\n%v", what, f.Seen, seen, got)
					}
				}
				if f := got.Figure("requests/s"); math.Abs(f.Off()-(2/float64(c.perSecond)-1)) > 0.02 {
					t.Errorf("%v requests/s are off by %v", f, f.Off())
				}
				if f := got.Figure("reach of stage 3"); f.Planned != 1 || f.Seen != 1 {
					t.Errorf("%+v", f)
				}
			})
		})
	}
}
