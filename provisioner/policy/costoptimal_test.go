package policy_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/policy"
)

// A first tick with counts of 45 a second reckons with 36, 45 and 54 requests per second, at a
// quarter, a half and a quarter. VMs carry 20 each, and what n of them leave costs 0.2 dollars:
//
//	n   E[(lambda-20n)+]                  overflow   saved by the n-th
//	0   45                                9.0
//	1   25                                5.0        4.0
//	2   0.25*0 + 0.5*5 + 0.25*14 = 6      1.2        3.8
//	3   0                                 0          1.2
//
// A boot of 1 minute over a life of 10 is 0.1: a VM of 1 dollar is launched if it saves more
// than 1.1 and kept while it saves more than 0.9.
func TestCostOptimalByHand(t *testing.T) {
	for name, c := range map[string]struct {
		group policy.Group
		vms   float64
	}{
		// At the mean rate the third would save 0.2*5 = 1.0, and not be launched.
		"the third saves 1.2":                  {cheap, 3},
		"of which 1.08 is left at 0.18":        {group(func(g *policy.Group) { g.PerRequest = 0.18 }), 2},
		"and is enough to keep it":             {group(func(g *policy.Group) { g.PerRequest, g.Ready = 0.18, 3 }), 3},
		"also while it boots":                  {group(func(g *policy.Group) { g.PerRequest, g.Ready, g.Booting = 0.18, 1, 2 }), 3},
		"but not while it drains":              {group(func(g *policy.Group) { g.PerRequest, g.Ready, g.Draining = 0.18, 2, 1 }), 2},
		"0.84 is not":                          {group(func(g *policy.Group) { g.PerRequest, g.Ready = 0.14, 3 }), 2},
		"a fourth saves nothing":               {group(func(g *policy.Group) { g.Ready = 9 }), 3},
		"a boot of 3 minutes: more than 1.3":   {group(func(g *policy.Group) { g.Boot = 3 * time.Minute }), 2},
		"a boot of an hour: no more than 1.5":  {group(func(g *policy.Group) { g.Boot, g.PerRequest = time.Hour, 0.26 }), 3},
		"functions at a quarter: 0.25*4.0 = 1": {group(func(g *policy.Group) { g.PerRequest = 0.05 }), 0},
		"paid for anyway":                      {group(func(g *policy.Group) { g.PerSecond = 0 }), 3},
		"at most 2":                            {group(func(g *policy.Group) { g.Max = 2 }), 2},
		"at least 5":                           {group(func(g *policy.Group) { g.Min = 5 }), 5},
		"function group":                       {group(func(g *policy.Group) { g.Max, g.Ready = 0, 2 }), 0},
		"no functions, all is carried by 3":    {group(func(g *policy.Group) { g.PerRequest = 0 }), 3},
		"no functions, 4 are one too many":     {group(func(g *policy.Group) { g.PerRequest, g.Ready = 0, 4 }), 3},
		// 45 requests per second at 9 slots a VM of 5 each: 1-B is 0.744 for one VM.
		"one VM with a queue of its own": {group(func(g *policy.Group) { g.Carried, g.Max = policy.Erlang{Slots: 9, Rate: 5}, 1 }), 1},
	} {
		c.group.Counts = every(0, 45, 5)
		if got := decide(t, &policy.CostOptimal{}, time.Minute, c.group); got.VMs != c.vms || got.Rationed {
			t.Errorf("%s: %+v, want %v VMs", name, got, c.vms)
		}
	}
}

func TestCostOptimalSaysWhy(t *testing.T) {
	g := cheap
	g.Counts = every(0, 45, 5)
	got := decide(t, &policy.CostOptimal{}, 0, g).Why.String()
	// 1.2 dollars a second are 4320 an hour.
	const want = "least cost, at 45±6.4 requests per second: the last VM saves $4.32e+03 an hour and one more would save $0, for $3.6e+03"
	if got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestEnough(t *testing.T) {
	// With rates of 36, 45 and 54, 2 VMs leave 6 of 45 requests, which is 0.133.
	for _, c := range []struct {
		enough float64
		ready  int
		vms    float64
	}{{0.85, 0, 2}, {0.85, 3, 3}, {0.87, 0, 3}, {0.7, 3, 2}, {0.7, 0, 2}} {
		g := group(func(g *policy.Group) { g.PerRequest, g.Ready, g.Counts = 0, c.ready, every(0, 45, 5) })
		if got := decide(t, &policy.CostOptimal{Enough: c.enough}, 0, g).VMs; got != c.vms {
			t.Errorf("enough %v with %d VMs: %v, want %v", c.enough, c.ready, got, c.vms)
		}
	}
}

// lossy carries what another does, but for a share that is lost however many VMs there are.
type lossy struct {
	policy.Carried
	lost float64
}

func (l lossy) Share(vms int, rate float64) float64 { return (1 - l.lost) * l.Carried.Share(vms, rate) }

// What no number of VMs carries, such as requests that come while a spot VM is replaced, has none
// ordered beyond those that carry the rest.
func TestEnoughOutOfReach(t *testing.T) {
	const limit = 1000
	wants := func(lost float64) float64 {
		g := group(func(g *policy.Group) {
			g.PerRequest, g.Max, g.Counts = 0, limit, every(0, 45, 5)
			g.Carried = lossy{policy.Erlang{Slots: 4, Rate: 5}, lost}
		})
		return decide(t, &policy.CostOptimal{}, 0, g).VMs
	}
	enough := wants(0)
	for _, lost := range []float64{1e-4, 4e-4, 9e-4, 1e-3, 2e-3, 0.01, 0.5} {
		if got := wants(lost); got < enough || got > enough+1 {
			t.Errorf("with %v lost anyway: %v VMs, without: %v", lost, got, enough)
		}
	}
}

// Bursts of two minutes that do not outlast a boot of two: no VM is launched for one, but those
// that are there stay while it lasts.
func TestWhatIsThereStaysForABurst(t *testing.T) {
	for ready, most := range map[int]float64{0: 4, 6: 6, 10: 10} {
		p := &policy.CostOptimal{}
		g := group(func(g *policy.Group) { g.Boot, g.Ready = 2*time.Minute, ready })
		var got policy.Order
		for s := int64(0); s < 12*3600+30; s += 10 {
			g.Counts = every(s, 50, 10)
			if s%3600 < 120 && s > 0 {
				g.Counts = every(s, 200, 10)
			}
			got = decide(t, p, time.Duration(s+10)*time.Second, g)
		}
		if got.VMs > most || got.VMs < most-1 {
			t.Errorf("20 s into a burst with %d VMs: %+v, want %v", ready, got, most)
		}
	}
}

func TestUniformHybridIsCostOptimalOnAnotherPlan(t *testing.T) {
	g := cheap
	g.Counts = every(0, 45, 5)
	a, b := &policy.CostOptimal{}, policy.UniformHybrid()
	if x, y := decide(t, a, 0, g), decide(t, b, 0, g); x != y || a.Name() == b.Name() {
		t.Errorf("%s wants %+v, %s %+v", a.Name(), x, b.Name(), y)
	}
}
