package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

func TestCheck(t *testing.T) {
	two := []policy.Group{group(func(g *policy.Group) { g.Ready, g.Booting, g.Min, g.Max = 2, 1, 1, 10 }), cheap}
	fine := policy.Order{VMs: 4}
	for name, c := range map[string]struct {
		order policy.Order
		want  string // in the error
	}{
		"sane":                  {policy.Order{VMs: 10, Rationed: true, Ration: 80}, ""},
		"negative":              {policy.Order{VMs: -1}, "policy wild wants -1 VMs"},
		"not a number":          {policy.Order{VMs: math.NaN()}, "policy wild wants NaN VMs"},
		"endless":               {policy.Order{VMs: math.Inf(1)}, "from 1 to 10"},
		"a million":             {policy.Order{VMs: 1e6}, "from 1 to 10"},
		"fewer than the least":  {policy.Order{VMs: 0}, "from 1 to 10"},
		"half a VM":             {policy.Order{VMs: 2.5}, "a whole number"},
		"a negative ration":     {policy.Order{VMs: 2, Rationed: true, Ration: -1}, "the first -1 requests"},
		"a ration of nothing":   {policy.Order{VMs: 2, Rationed: true, Ration: math.NaN()}, "the first NaN requests"},
		"an endless ration":     {policy.Order{VMs: 2, Rationed: true, Ration: math.Inf(1)}, "the first +Inf requests"},
		"a ration that is none": {policy.Order{VMs: 2, Ration: math.NaN()}, ""},
	} {
		o := policy.Observation{Groups: two}
		d, err := policy.Check("wild", o, policy.Decision{Groups: []policy.Order{c.order, fine}})
		if d.Groups[1] != fine {
			t.Errorf("%s: the other group's order became %+v", name, d.Groups[1])
		}
		if c.want == "" {
			if err != nil || d.Groups[0].VMs != c.order.VMs {
				t.Errorf("%s: %+v, %v", name, d.Groups[0], err)
			}
			continue
		}
		wants(t, name, err, policy.ErrDecision)
		if err == nil || !strings.Contains(err.Error(), c.want) || d.Groups[0].VMs != 3 {
			t.Errorf("%s: %+v, error %v; want the 3 there are, and an error about %q", name, d.Groups[0], err, c.want)
		}
	}
	d, err := policy.Check("short", policy.Observation{Groups: two}, policy.Decision{})
	wants(t, "no orders", err, policy.ErrDecision)
	if d.Groups[0].VMs != 3 || d.Groups[1].VMs != 0 {
		t.Errorf("no orders: %+v, want what there is", d)
	}
}

// Nothing follows from no counts, or from numbers that cannot be: what there is stays.
func TestHold(t *testing.T) {
	for name, change := range map[string]func(g *policy.Group){
		"no counts yet":     func(g *policy.Group) { g.Counts.Each = nil },
		"a price of NaN":    func(g *policy.Group) { g.PerSecond = math.NaN() },
		"a negative price":  func(g *policy.Group) { g.PerRequest = -1 },
		"no capacity":       func(g *policy.Group) { g.Saturation = 0 },
		"endless capacity":  func(g *policy.Group) { g.FullPass = math.Inf(1) },
		"a negative boot":   func(g *policy.Group) { g.Boot = -1 },
		"fewer than no VMs": func(g *policy.Group) { g.Draining = -1 },
	} {
		for _, p := range all() {
			g := group(func(g *policy.Group) { g.Ready, g.Booting, g.Counts = 3, 2, every(0, 400, 10) })
			change(&g)
			want := 5.0
			if p.Name() == "FunctionsOnly" {
				want = 0
			}
			if got := decide(t, p, 10*time.Second, g); got.VMs != want {
				t.Errorf("%s, %s: %+v, want the VMs there are", name, p.Name(), got)
			}
		}
	}
}

// Counts that stop arriving are not zero traffic.
func TestCountsStop(t *testing.T) {
	for _, p := range all() {
		g := group(func(g *policy.Group) { g.Counts = every(0, 100, 60) })
		before := decide(t, p, time.Minute, g)
		g.Ready, g.Counts.Each = int(before.VMs), nil
		for now := 70 * time.Second; now < time.Hour; now += 10 * time.Second {
			g.Counts.First = int64(now / time.Second)
			got := decide(t, p, now, g)
			if p.Name() == "FunctionsOnly" || got.VMs >= 5 { // 100 requests per second at 20
				continue
			}
			t.Fatalf("%s at %v: %+v", p.Name(), now, got)
		}
	}
}

func TestPolicyMemoryThatCannotBe(t *testing.T) {
	for _, p := range all() {
		r, ok := p.(policy.Rememberer)
		if !ok {
			continue
		}
		wants(t, p.Name()+", no JSON", r.UnmarshalJSON([]byte("[")), estimate.ErrState)
		wants(t, p.Name()+", another's", r.UnmarshalJSON([]byte(`{"0":{"far":{"rates":[-1]},"share":-1,"window":{"counts":[1]}},"all":{"mean":-1}}`)), estimate.ErrState)
		g := group(func(g *policy.Group) { g.Ready = 4 })
		if got := decide(t, p, 0, g); got.VMs != 4 {
			t.Errorf("%s after that: %+v", p.Name(), got)
		}
	}
}
