package simulate_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

// BenchmarkRun is the engine on one core: four stages with reach 1, .5, .3 and .18,
// each a VM group of its own, 100 VMs of four slots at 70 % load, log-normal service,
// a network, and an SLO at 20 times the full pass.
func BenchmarkRun(b *testing.B) {
	const service, slots, load = 5 * time.Millisecond, 4, 0.7
	reach := []float64{1, 0.5, 0.3, 0.18}
	times, err := profile.LogNormal(slices.Repeat([]time.Duration{service}, 4), 0.5)
	if err != nil {
		b.Fatal(err)
	}
	plan := provisioner.Plan{Reach: reach}
	for s, vms := range []int{50, 26, 15, 9} {
		plan.VMs = append(plan.VMs, provisioner.VMGroup{
			Stages: stage.Range{First: s, Last: s}, VMs: vms, Slots: slots, MaxBatch: 1,
			Offer: provisioner.VMOffer{Name: "vm", PerHour: 0.1},
		})
	}
	rate := load * 100 * slots / (1.98 * service.Seconds())
	s := simulate.Scenario{
		Stages: 4, Plan: plan, Times: map[string]profile.Times{"vm": times}, SLO: 400 * time.Millisecond, Running: true,
		Network: provisioner.Network{VM: provisioner.Path{Latency: 250 * time.Microsecond}},
		Depths:  func(r *rand.Rand) (depth.Source, error) { return depth.Independent(reach, r) },
	}
	b.ReportAllocs()
	requests := 0
	for b.Loop() {
		s.Seed++
		s.Traffic = func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(rate, 30*time.Second, r) }
		res, err := simulate.Run(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		if res.Answered < res.Requests*99/100 || res.VMs[0].Utilisation < 0.6 {
			b.Fatalf("not the load that is meant: %+v", res)
		}
		requests += res.Requests
	}
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(requests), "ns/request")
}
