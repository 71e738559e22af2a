package policy_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

// wild is a number that may be anything.
func wild(t *rapid.T, what string) float64 {
	return rapid.OneOf(
		rapid.Float64Range(0, 100), rapid.Float64(),
		rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324}),
	).Draw(t, what)
}

func number(t *rapid.T, what string) int {
	return rapid.OneOf(rapid.IntRange(0, 20), rapid.Int()).Draw(t, what)
}

func counts(t *rapid.T) estimate.Counts {
	return estimate.Counts{
		First: rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64()).Draw(t, "first"),
		Each:  rapid.SliceOfN(rapid.OneOf(rapid.IntRange(-1, 500), rapid.Int()), 0, 20).Draw(t, "counts"),
	}
}

// liar is a Carried that says anything.
type liar struct{ share float64 }

func (l liar) Share(int, float64) float64 { return l.share }

func anyGroup(t *rapid.T) policy.Group {
	g := policy.Group{
		Stages: stage.Range{First: rapid.IntRange(-1, 3).Draw(t, "stage")}, Counts: counts(t), Reach: wild(t, "reach"),
		Ready: number(t, "ready"), Booting: number(t, "booting"), Draining: number(t, "draining"), Min: number(t, "min"), Max: number(t, "max"),
		Economics: policy.Economics{PerSecond: wild(t, "P_v"), PerRequest: wild(t, "c_f"), Saturation: wild(t, "mu"), FullPass: wild(t, "full pass"), Boot: time.Duration(number(t, "boot"))},
	}
	if rapid.Bool().Draw(t, "liar") {
		g.Carried = liar{wild(t, "share")}
	}
	return g
}

// No policy returns nonsense, whatever it is told, and none forgets anything in a restart.
func TestNoPolicyReturnsNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, restarted := all(), all()
		for range rapid.IntRange(1, 4).Draw(t, "ticks") {
			now := time.Duration(rapid.Int64().Draw(t, "now"))
			o := policy.Observation{Arrivals: counts(t)}
			for range rapid.IntRange(0, 3).Draw(t, "groups") {
				o.Groups = append(o.Groups, anyGroup(t))
			}
			for i, p := range policies {
				if r, ok := p.(policy.Rememberer); ok {
					data, err := json.Marshal(r)
					if err == nil {
						err = json.Unmarshal(data, restarted[i])
					}
					if err != nil {
						t.Fatalf("%s: %v", p.Name(), err)
					}
				}
				d, err := policy.Check(p.Name(), o, p.Decide(now, o))
				if err != nil {
					t.Fatal(err)
				}
				for k, order := range restarted[i].Decide(now, o).Groups {
					if order.VMs != d.Groups[k].VMs || order.Rationed != d.Groups[k].Rationed || order.Ration != d.Groups[k].Ration {
						t.Fatalf("%s wants %+v after a restart, %+v without", p.Name(), order, d.Groups[k])
					}
				}
			}
		}
	})
}

// sane is a group that CostOptimal can reckon with, and the counts are its first.
func sane(t *rapid.T) policy.Group {
	g := policy.Group{
		Counts: every(0, rapid.IntRange(0, 300).Draw(t, "rate"), 5), Ready: rapid.IntRange(0, 20).Draw(t, "ready"), Min: rapid.IntRange(0, 3).Draw(t, "min"), Max: rapid.IntRange(0, 60).Draw(t, "max"),
		Economics: policy.Economics{
			PerSecond: rapid.Float64Range(0, 2).Draw(t, "P_v"), PerRequest: rapid.Float64Range(0.001, 1).Draw(t, "c_f"), Saturation: rapid.Float64Range(1, 50).Draw(t, "mu"),
			Boot: time.Duration(rapid.IntRange(0, 900).Draw(t, "boot")) * time.Second,
		},
	}
	if rapid.Bool().Draw(t, "Erlang") {
		g.Carried = policy.Erlang{Slots: rapid.IntRange(1, 4).Draw(t, "slots"), Rate: g.Saturation / 4}
	}
	return g
}

// The VMs that CostOptimal wants cost least, among all there could be: C(n) with the price of
// a change, summed up here once more from its definition.
func TestCostOptimalAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := sane(t)
		rate := float64(g.Counts.Each[0])
		if rapid.Bool().Draw(t, "odd shape") { // which neither rises nor is concave
			g.Carried = odd(rapid.SliceOfN(rapid.Float64Range(0, 1), 62, 62).Draw(t, "shares"))
		}
		carried := g.Carried
		if carried == nil {
			carried = policy.Fluid{Rate: g.Saturation}
		}
		change := min(g.Boot.Seconds()/600, 0.5)
		cost := func(n int) float64 {
			c := float64(n)*g.PerSecond + math.Abs(float64(n-g.Ready))*change*g.PerSecond
			for _, x := range []float64{0.8, 1, 1, 1.2} { // the first forecast
				c += g.PerRequest * x * rate * (1 - carried.Share(n, x*rate)) / 4
			}
			return c
		}
		got := int(decideRapid(t, &policy.CostOptimal{}, g))
		for n := min(g.Min, g.Max); n <= g.Max; n++ {
			if cost(n) < cost(got)*(1-1e-9)-1e-12 {
				t.Fatalf("%d VMs cost %v, and %d only %v", got, cost(got), n, cost(n))
			}
		}
	})
}

// odd carries a share for each number of VMs, whatever the rate.
type odd []float64

func (o odd) Share(vms int, _ float64) float64 { return o[vms] }

func decideRapid(t *rapid.T, p policy.Policy, g policy.Group) float64 {
	o := policy.Observation{Groups: []policy.Group{g}}
	d, err := policy.Check(p.Name(), o, p.Decide(0, o))
	if err != nil {
		t.Fatal(err)
	}
	return d.Groups[0].VMs
}

// Dearer functions never mean fewer VMs, dearer VMs never more of them.
func TestMonotoneInPrices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := sane(t)
		g.Reach = rapid.Float64Range(0.01, 1).Draw(t, "reach")
		dearer := rapid.Float64Range(1.001, 5).Draw(t, "dearer")
		for _, p := range []func() policy.Policy{
			func() policy.Policy { return &policy.CostOptimal{} }, func() policy.Policy { return &policy.Serflow{} },
		} {
			functions, vms := g, g
			functions.PerRequest *= dearer
			vms.PerSecond *= dearer
			n, more, fewer := decideRapid(t, p(), g), decideRapid(t, p(), functions), decideRapid(t, p(), vms)
			if more < n || fewer > n {
				t.Fatalf("%s: %v VMs, %v when functions and %v when VMs cost %v times as much", p().Name(), n, more, fewer, dearer)
			}
		}
	})
}
