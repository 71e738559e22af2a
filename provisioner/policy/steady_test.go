package policy_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/policy"
)

// Under steady Poisson traffic, after an hour to learn, CostOptimal launches and gives up at
// most 4 VMs an hour together and Serflow at most 12, whatever the rate: also where it lies on
// the edge between two numbers of VMs.
func TestNoFlapping(t *testing.T) {
	table, err := policy.Tabulate(policy.Erlang{Slots: 4, Rate: 5}, []int{1, 2, 4, 8, 16}, []float64{2, 5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40})
	if err != nil {
		t.Fatal(err)
	}
	const hours = 4
	for i := range 20 {
		rate := 1 + 10*float64(i)
		counts := poisson(rand.New(rand.NewPCG(6, uint64(i))), rate, hours*3600)
		for _, boot := range []time.Duration{time.Minute, 5 * time.Minute} {
			pooled := group(func(g *policy.Group) { g.Boot, g.Carried = boot, table })
			for _, c := range []struct {
				policy func() policy.Policy
				most   float64
			}{{func() policy.Policy { return &policy.CostOptimal{} }, 4}, {func() policy.Policy { return &policy.Serflow{} }, 12}} {
				first := policy.Replay(c.policy(), pooled, counts[:3600]).Actions
				total := policy.Replay(c.policy(), pooled, counts)
				if perHour := float64(total.Actions-first) / (hours - 1); perHour > c.most {
					t.Errorf("%s at %v requests per second, boot %v: %v actions an hour", c.policy().Name(), rate, boot, perHour)
				}
				if least := 0.7 * rate / 20 * float64(len(counts)); rate > 10 && total.VMDollars < least {
					t.Errorf("%s at %v requests per second: %v dollars of VMs, want at least %v", c.policy().Name(), rate, total.VMDollars, least)
				}
			}
		}
	}
}

func TestReplayByHand(t *testing.T) {
	// 50 requests a second for 30 s, and a policy that wants 2 VMs from the first tick on and 1
	// from the third. They serve 20 each after 10 s:
	//
	//	seconds   VMs    served   left to functions
	//	0-9       2      0        50
	//	10-19     2      40       10
	//	20-29     1      20       30
	//
	// VMs: 10*2+10*2+10*1 = 50 dollars. Functions: 10*(50+10+30)*0.2 = 180.
	g := group(func(g *policy.Group) { g.Boot = 10 * time.Second })
	got := policy.Replay(script{2, 2, 1}, g, every(0, 50, 30).Each)
	if want := (policy.Replayed{VMDollars: 50, FunctionDollars: 180, Actions: 3}); !near(got.VMDollars, want.VMDollars) || !near(got.FunctionDollars, want.FunctionDollars) || got.Actions != want.Actions {
		t.Errorf("%+v, want %+v", got, want)
	}
	// Nonsense is held: no VM ever.
	if got := policy.Replay(script{-1, 1e6, 0.5}, g, every(0, 50, 30).Each); got.Actions != 0 || !near(got.Dollars(), 300) {
		t.Errorf("nonsense: %+v", got)
	}
}

// script wants so many VMs at each tick.
type script []float64

func (script) Name() string { return "script" }

func (s script) Decide(now time.Duration, _ policy.Observation) policy.Decision {
	return policy.Decision{Groups: []policy.Order{{VMs: s[int(now/policy.ReplayTick)]}}}
}

// On traffic with bursts that outlast a boot it costs less to know that they do.
func TestCostOptimalFollowsBursts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var counts []int
	for range 12 {
		counts = append(append(counts, poisson(r, 50, 3000)...), poisson(r, 200, 600)...)
	}
	g := cheap
	cost := map[string]float64{}
	for _, p := range all() {
		cost[p.Name()] = policy.Replay(p, g, counts).Dollars()
	}
	// 50 requests per second are 2.5 VMs, in bursts 10: 3.75 VMs in the mean, and nothing can
	// cost less than these.
	least := 3.75 * float64(len(counts))
	if got := cost["CostOptimal"]; got < least || got > 1.35*least {
		t.Errorf("CostOptimal costs %.3f times the least", got/least)
	}
	for name, dollars := range cost {
		if dollars < cost["CostOptimal"] && name != "UniformHybrid" && name != "KnativeLike" {
			t.Errorf("%s costs %.0f, CostOptimal %.0f", name, dollars, cost["CostOptimal"])
		}
		t.Logf("%-18s %.3f", name, dollars/least)
	}
}
