package planner_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// engine runs a plan for some minutes of steady traffic.
func engine(t *testing.T, a planner.Ask, plan provisioner.Plan, rate float64, length time.Duration) simulate.Result {
	t.Helper()
	times := map[string]profile.Times{}
	for _, v := range a.VMs {
		times[v.Offer.Name] = v.Times
	}
	for _, f := range a.Functions {
		times[f.Offer.Name] = f.Times
	}
	r, err := simulate.Run(t.Context(), simulate.Scenario{
		Stages: a.VMs[0].Times.Stages(), Plan: plan, Times: times, Network: a.Network, SLO: a.SLO.Latency,
		Traffic: func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(rate, length, r) },
		Depths:  func(r *rand.Rand) (depth.Source, error) { return depth.Independent(a.Reach, r) },
		Running: true, Until: length, Seed: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// compare has the engine run a plan for ten minutes and compares what it says: dollars to 5 %,
// the latency to a part.
func compare(t *testing.T, a planner.Ask, got *planner.Result, latency float64) {
	t.Helper()
	r := engine(t, a, got.Plan, a.Traffic.Mean(), 10*time.Minute)
	hours := r.Seconds / 3600
	t.Logf("planned %+v, %v in time, p99 %v", got.Bill, got.InTime, got.Latency)
	t.Logf("engine  {VMs:%v Functions:%v Transfer:%v}, %v in time, p99 %v s", r.Dollars.VMs/hours, r.Dollars.Functions/hours, r.Dollars.Transfer/hours, r.SLO.Within, r.Latency.P99)
	if total := r.Dollars.Total / hours; math.Abs(total-got.Bill.Total()) > 0.05*total {
		t.Errorf("planned %v dollars an hour, the engine says %v", got.Bill.Total(), total)
	}
	if p99 := r.Latency.P99; math.Abs(p99-got.Latency.Seconds()) > latency*p99 {
		t.Errorf("planned a p99 of %v, the engine says %v s", got.Latency, p99)
	}
	if math.Abs(r.SLO.Within-got.InTime) > 0.005 {
		t.Errorf("planned %v in time, the engine says %v", got.InTime, r.SLO.Within)
	}
}
