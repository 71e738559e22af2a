//go:build !race

package oracle_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Under virtual time both cost less than the policy that must forecast, on bursts that it cannot.
func TestOraclesUnderVirtualTime(t *testing.T) {
	ask := twoStages(t)
	ask.VMs[0].Offer.Minimum = time.Minute
	length := time.Hour
	var rates []float64
	rate := traffic.Rate{At: func(now time.Duration) float64 {
		if now%(20*time.Minute) >= 14*time.Minute {
			return 150
		}
		return 20
	}, Bounds: func(time.Duration, time.Duration) (float64, float64) { return 20, 150 }}
	for second := range int(length / time.Second) {
		rates = append(rates, rate.At(time.Duration(second)*time.Second))
	}
	s := simulate.Scenario{
		Stages: 2, SLO: time.Second, Until: length, Seed: 5, Depths: independent(1, 0.1), Running: true,
		Traffic: func(r *rand.Rand) (traffic.Source, error) { return traffic.Varying(rate, length, r) },
		World:   bootsIn(2 * time.Minute),
	}
	s.Plan = provisioner.Plan{
		Reach: []float64{1, 0.1}, VMs: []provisioner.VMGroup{{Stages: stages(0, 1), Offer: ask.VMs[0].Offer, VMs: 1}},
		Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: ask.Functions[0].Offer}},
	}
	s.Times = timesOf(ask)
	d, _ := oracle.NewDraw(2, s.SLO)
	if err := s.Requests(d.Add); err != nil {
		t.Fatal(err)
	}
	bound, err := oracle.LowerBound(ask, d, true)
	if err != nil {
		t.Fatal(err)
	}
	costs := map[string]float64{}
	for _, p := range []policy.Policy{&policy.CostOptimal{}, oracle.RateOracle(rates, s.Plan.Reach), &oracle.OfflineOptimal{Draw: d, Minimum: time.Minute}} {
		s.Loop = func() (*control.Loop, error) {
			groups := control.Supposed(provisioner.Expect{Plan: s.Plan, Times: s.Times}, 2, 2*time.Minute)
			return control.New(control.Config{Policy: p, Groups: groups, Limits: provisioner.Limits{VMs: 100, PerHour: 1e3, PerDay: 1e4}})
		}
		res, err := simulate.Run(t.Context(), s)
		if err != nil || !res.SLO.Met {
			t.Fatal(p.Name(), res.SLO, err)
		}
		t.Logf("%s: %+v, %+v", p.Name(), res.Dollars, *res.Scaling)
		costs[p.Name()] = res.Dollars.Total
	}
	t.Logf("bound: %+v", bound)
	if a, b, c := bound.Total, costs["OfflineOptimal"], costs["CostOptimal"]; !(a < b && b < costs["RateOracle"] && costs["RateOracle"] < c) {
		t.Errorf("bound %v, %v", a, costs)
	}
}
