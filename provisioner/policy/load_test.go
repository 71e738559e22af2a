package policy

import (
	"math"
	"testing"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// pool carries what fits under 10 requests per second a VM, and less from half of that on: 1 at 5, 0.9 at 10.
type pool struct{}

func (pool) Share(vms int, rate float64) float64 {
	each := rate / float64(vms)
	return min(1, max(1-0.02*(each-5), 0), 10/each)
}

// follow has ticks of ten seconds pass, in which 8 requests per second come to a VM that is as loaded as
// others by that factor.
func follow(l *load, ticks int, factor float64, g func(*Group)) {
	var rates estimate.Rates
	for i := range rates {
		rates[i] = 8
	}
	for range ticks {
		group := Group{Serving: 1, Economics: Economics{PerSecond: 1, PerRequest: 1, Saturation: 10, Carried: pool{}}}
		for range 10 {
			group.Counts.Each = append(group.Counts.Each, 8)
		}
		group.Called = int(80 * (1 - pool{}.Share(1, 8*factor)))
		if g != nil {
			g(&group)
		}
		l.observe(group, rates)
	}
}

// VMs that leave more to functions than the tables say are taken to be loaded by what explains that: at 8
// requests per second 0.06 are expected to go to functions, and at 1.2 times as many 0.092.
func TestLoadIsFound(t *testing.T) {
	var l load
	follow(&l, 1000, 1.2, nil)
	if math.Abs(l.by()-1.2) > 0.03 {
		t.Errorf("%v, want 1.2", l.by())
	}
	if more := (loaded{pool{}, l.by()}).Share(1, 8); math.Abs(more-pool{}.Share(1, 9.6)) > 0.01 {
		t.Errorf("such a VM carries %v", more)
	}
	follow(&l, 1000, 1, nil)
	if l.by() > 1.03 {
		t.Errorf("%v when it is over", l.by())
	}
	follow(&l, 5000, 0.5, nil)
	if l.by() != 1 {
		t.Errorf("%v for VMs that carry more than they should", l.by())
	}
	follow(&l, 1000, 1000, nil)
	if l.by() != mostLoad || !l.possible() {
		t.Errorf("%+v for VMs that carry nothing", l)
	}
}

// Nothing follows from what is not known, and little from few calls.
func TestNoLoadIsFound(t *testing.T) {
	for name, change := range map[string]func(*Group){
		"it is not known what serves": func(g *Group) { g.Serving = 0 },
		"no function serves":          func(g *Group) { g.PerRequest = 0 },
		"no counts":                   func(g *Group) { g.Counts = estimate.Counts{} },
		"seconds that are not known":  func(g *Group) { g.Counts.Each = []int{-1, -1} },
		"numbers that cannot be":      func(g *Group) { g.PerSecond = math.NaN() },
	} {
		var l load
		follow(&l, 100, 2, change)
		if l != (load{}) {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
