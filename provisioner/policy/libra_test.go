package policy_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// With gains of 0.2, the deviation before the mean:
//
//	x     dev                        m          at a decision: share = floor(m+dev), 0.8 of it
//	100   0                          100        100     80
//	110   2                          102
//	110   2+0.2*(8-2) = 3.2          103.6
//	110   3.2+0.2*(6.4-3.2) = 3.84   104.88     108     86.4
//	0     24.048                     83.904     107     85.6
//	0     36.0192                    67.1232
//	0     42.24                      53.69856
//	0     44.531712                  42.958848  87      69.6
func TestLibraByHand(t *testing.T) {
	type tick struct {
		now            time.Duration
		counts         []int
		ready, booting int
		vms, ration    float64
	}
	for _, c := range []struct {
		capacity policy.Capacity
		ticks    []tick
	}{
		{policy.Uniform, []tick{ // 10 requests per second
			{0, []int{100}, 0, 0, 10, 0}, // decides, and waits for the boot
			{10, []int{110}, 0, 10, 10, 0},
			{100, []int{110}, 10, 0, 10, 80}, // in force
			{299, nil, 10, 0, 10, 80},
			{300, []int{110}, 10, 0, 11, 80}, // decides on one more, and waits
			{400, nil, 11, 0, 11, 86},
			{600, []int{0}, 11, 0, 11, 85},      // no more VMs: at once
			{900, []int{0, 0, 0}, 11, 0, 9, 69}, // fewer: at once
		}},
		{policy.Measured, []tick{ // 20 requests per second
			{0, []int{100}, 0, 0, 5, 0},
			{10, []int{110}, 5, 0, 5, 80},
			{100, []int{110}, 5, 0, 5, 80},
			{300, []int{110}, 5, 0, 6, 80},
			{600, []int{0}, 5, 1, 6, 80},
			{900, []int{0, 0, 0}, 5, 1, 5, 69},
		}},
	} {
		p := &policy.Libra{Capacity: c.capacity}
		for i, k := range c.ticks {
			g := group(func(g *policy.Group) { g.FullPass, g.Ready, g.Booting = 10, k.ready, k.booting })
			g.Counts = estimate.Counts{First: int64(k.now), Each: k.counts}
			got := decide(t, p, k.now*time.Second, g)
			if got.VMs != k.vms || !got.Rationed || got.Ration != k.ration {
				t.Errorf("%s, tick %d: %+v, want %v VMs and the first %v requests", p.Name(), i+1, got, k.vms, k.ration)
			}
		}
	}
}

func TestLibraWithOtherSettings(t *testing.T) {
	// Gain 0.5, counts 100 and 60: dev = 0.5*40 = 20, m = 80; with a weight of 2 the share is
	// 120, of which VMs of 20 get half.
	p := &policy.Libra{Capacity: policy.Measured, Gain: 0.5, Weight: 2, Ration: 0.5, Period: time.Minute}
	g := group(func(g *policy.Group) { g.Ready, g.Counts = 6, estimate.Counts{Each: []int{100, 60}} })
	if got := decide(t, p, 0, g); got.VMs != 6 || got.Ration != 60 {
		t.Errorf("%+v, want 6 VMs and the first 60", got)
	}
	g.Counts = every(2, 0, 58)
	if got := decide(t, p, time.Minute, g); got.VMs != 0 {
		t.Errorf("after a minute of nothing: %+v", got)
	}
}

func TestLibraAfterTheClockWasSetBack(t *testing.T) {
	p := &policy.Libra{}
	g := cheap
	g.Counts = every(7200, 100, 1)
	decide(t, p, 2*time.Hour, g)
	g.Counts = every(3600, 0, 59)
	if got := decide(t, p, time.Hour, g); got.VMs != 0 {
		t.Errorf("%+v: it waits an hour for its next decision", got)
	}
}

func TestLibraTuned(t *testing.T) {
	// 100 requests every second and VMs of 10: Libra rents 10 and keeps 20 requests from them.
	// The best setting sends all of them there.
	g := group(func(g *policy.Group) { g.Saturation = 10 })
	counts := every(0, 100, 3600).Each
	asked := 0
	cost := func(p policy.Policy) float64 {
		asked++
		return policy.Replay(p, g, counts).Dollars()
	}
	grid := policy.Grid{Periods: []time.Duration{time.Minute, 5 * time.Minute}, Gains: []float64{0.1, 0.2}, Weights: []float64{1}}
	tuned := policy.LibraTuned(policy.Measured, grid, cost)
	if asked != 1+2*5*2*1 {
		t.Errorf("asked %d times for 20 combinations and Libra itself", asked)
	}
	if tuned.Ration != 1 || tuned.Name() != "LibraTuned" {
		t.Errorf("tuned to %+v, want all requests on VMs", tuned)
	}
	if got, plain := cost(tuned), cost(&policy.Libra{Capacity: policy.Measured}); got >= plain {
		t.Errorf("tuned costs %v, Libra %v", got, plain)
	}
	dear := policy.LibraTuned(policy.Uniform, grid, func(p policy.Policy) float64 {
		if p.(*policy.Libra).Period == 0 {
			return 1
		}
		return 2
	})
	if dear.Period != 0 || dear.Capacity != policy.Uniform {
		t.Errorf("where nothing is better than Libra it is Libra: %+v", dear)
	}
}
