package policy_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// cheap is a group of which a VM costs a dollar a second and serves 20 requests per second.
// Functions cost 0.2 dollars a request, so that the T-CIP is 5 requests per second.
var cheap = policy.Group{Reach: 1, Max: 100, Economics: policy.Economics{PerSecond: 1, PerRequest: 0.2, Saturation: 20, Boot: time.Minute}}

// group is cheap with some changes.
func group(change func(g *policy.Group)) policy.Group {
	g := cheap
	change(&g)
	return g
}

// every is a count in each of some seconds.
func every(first int64, n, seconds int) estimate.Counts {
	c := estimate.Counts{First: first}
	for range seconds {
		c.Each = append(c.Each, n)
	}
	return c
}

// decide is the order for one group, which must be one that can be meant.
func decide(t testing.TB, p policy.Policy, now time.Duration, g policy.Group) policy.Order {
	t.Helper()
	return checked(t, p, now, policy.Observation{Arrivals: g.Counts, Groups: []policy.Group{g}}).Groups[0]
}

func checked(t testing.TB, p policy.Policy, now time.Duration, o policy.Observation) policy.Decision {
	t.Helper()
	d, err := policy.Check(p.Name(), o, p.Decide(now, o))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// all is every policy, as new.
func all() []policy.Policy {
	return []policy.Policy{
		&policy.CostOptimal{}, policy.UniformHybrid(), &policy.Serflow{}, &policy.Libra{}, &policy.Libra{Capacity: policy.Measured},
		&policy.Libra{Label: "LibraTuned", Period: time.Minute, Ration: 1, Gain: 0.05, Weight: 2}, policy.FunctionsOnly{}, &policy.KnativeLike{},
	}
}

func poisson(r *rand.Rand, rate float64, seconds int) (counts []int) {
	for range seconds {
		n := 0
		for t := r.ExpFloat64(); t < rate; t += r.ExpFloat64() {
			n++
		}
		counts = append(counts, n)
	}
	return counts
}

func wants(t *testing.T, name string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", name, err, want)
	}
}
