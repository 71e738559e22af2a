package policy_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// The T-CIP is 1/0.2 = 5 requests per second. A boot of 1 minute over a life of 5 is 0.2: a VM is
// launched for more than 6 requests per second and kept for more than 4.
func TestSerflowByHand(t *testing.T) {
	ready := func(n int) policy.Group { return group(func(g *policy.Group) { g.Ready = n }) }
	for name, c := range map[string]struct {
		group    policy.Group
		counts   []int
		arrivals int // each second; 0 for the counts
		vms      float64
	}{
		"45 = 20+20+5, which is no 6":      {ready(0), []int{45, 45}, 0, 2},
		"45, and 5 is above 4":             {ready(3), []int{45, 45}, 0, 3},
		"47 = 20+20+7":                     {ready(0), []int{47, 47}, 0, 3},
		"43 = 20+20+3":                     {ready(3), []int{43, 43}, 0, 2},
		"5 VMs for 43":                     {ready(5), []int{43, 43}, 0, 2},
		"nothing comes":                    {ready(2), []int{0, 0}, 0, 0},
		"T-CIP above what a VM can":        {group(func(g *policy.Group) { g.Saturation = 5 }), []int{45}, 0, 0},
		"no functions, any request counts": {group(func(g *policy.Group) { g.PerRequest = 0 }), []int{41}, 0, 3},
		"at most 2":                        {group(func(g *policy.Group) { g.Max = 2 }), []int{100}, 0, 2},
		// At 100 requests per second the S-CIP is 0.05: 0.06 to launch, 0.04 to keep.
		"a burst of 10 at a reach of 0.03":   {group(func(g *policy.Group) { g.Reach = 0.03 }), []int{10}, 100, 0},
		"also for a VM that is there":        {group(func(g *policy.Group) { g.Reach, g.Ready = 0.03, 1 }), []int{10}, 100, 0},
		"a reach of 0.045 launches none":     {group(func(g *policy.Group) { g.Reach = 0.045 }), []int{10}, 100, 0},
		"a reach of 0.045 keeps one":         {group(func(g *policy.Group) { g.Reach, g.Ready = 0.045, 1 }), []int{10}, 100, 1},
		"a reach of 0.07 launches one":       {group(func(g *policy.Group) { g.Reach = 0.07 }), []int{10}, 100, 1},
		"a deviation: see the comment below": {ready(0), []int{40, 60}, 0, 3},
		"a deviation keeps":                  {ready(4), []int{40, 60}, 0, 4},
	} {
		// Gains of one half: after 40 and 60, var = 0.5*20² = 200, m = 40+0.5*20 = 50, and the
		// demand 50+14.14 = 3*20+4.14.
		p := &policy.Serflow{Gains: estimate.Gains{Mean: 0.5, Deviation: 0.5, Kind: estimate.Squared}}
		c.group.Counts = estimate.Counts{Each: c.counts}
		o := policy.Observation{Arrivals: c.group.Counts, Groups: []policy.Group{c.group}}
		if c.arrivals > 0 {
			o.Arrivals = every(0, c.arrivals, 5)
		}
		if got := checked(t, p, time.Minute, o).Groups[0]; got.VMs != c.vms || got.Rationed {
			t.Errorf("%s: %+v, want %v VMs", name, got, c.vms)
		}
	}
}

func TestIndifferencePoints(t *testing.T) {
	// 0.10 dollars an hour are 2.7778e-5 a second; at 5e-6 dollars a request that is 5.5556
	// requests per second, and at 50 requests per second a reach of 0.1111.
	e := policy.Economics{PerSecond: 0.10 / 3600, PerRequest: 5e-6}
	if tcip, scip := e.TCIP(), e.SCIP(50); !near(tcip, 5.0/0.9) || !near(scip, 0.1/0.9) {
		t.Errorf("T-CIP %v, S-CIP %v", tcip, scip)
	}
	if e := (policy.Economics{PerSecond: 1}); e.TCIP() != 0 || e.SCIP(0) != 0 {
		t.Errorf("without functions: T-CIP %v, S-CIP %v", e.TCIP(), e.SCIP(0))
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
