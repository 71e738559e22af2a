package planner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// large is a model of 12 stages with 20 VM offers and 10 function offers, for a load in vCPUs.
func large(load float64) planner.Ask {
	const stages = 12
	var a planner.Ask
	a.Reach = make([]float64, stages)
	r := 1.0
	base := make([]time.Duration, stages)
	for s := range stages {
		a.Reach[s] = r
		r *= 0.75
		base[s] = time.Duration(2e6 * (1 + 0.3*float64(s)))
	}
	for i := range 20 {
		slow := 0.6 + 0.05*float64(i)
		m := make([]time.Duration, stages)
		for s := range m {
			m[s] = time.Duration(float64(base[s]) * slow * (1 + 0.02*float64((s*i)%5)))
		}
		t, _ := profile.LogNormal(m, 0.2+0.02*float64(i))
		vc := []float64{1, 2, 4, 8}[i%4]
		a.VMs = append(a.VMs, planner.VM{Offer: provisioner.VMOffer{Name: fmt.Sprint("vm", i), VCPUs: vc, MemoryGB: 4 * vc, PerHour: 0.0425 * vc / slow * (1 + 0.01*float64(i%7))}, Times: t, Boot: time.Minute})
	}
	t, _ := profile.LogNormal(base, 0.3)
	f := planner.Function{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1769, PerCall: .2e-6, PerGBSecond: 0.0000166667, Concurrency: 1000}, Times: t, Cold: 400e6, ColdShare: 0.002}
	a.Functions, _ = planner.Sizes(f, 1769, func(v float64) float64 { return 1 + 0.7*(v-1) }, 512, 768, 1024, 1536, 1769, 2048, 2560, 3008, 3538, 5120)
	a.SLO = planner.SLO{0.99, 400 * time.Millisecond}
	a.Memory = planner.Memory{BaseMB: 100, StageMB: []float64{50, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150}}
	a.Network = provisioner.Network{VM: provisioner.Path{Latency: 5e5}, Function: provisioner.Path{Latency: 5e6}}
	work := 0.0
	for s := range base {
		work += a.Reach[s] * base[s].Seconds()
	}
	a.Traffic = planner.Steady(load/work, 0.3*load/work)
	return a
}

// BenchmarkPlan plans 12 stages with 20 VM offers and 10 function offers.
func BenchmarkPlan(b *testing.B) {
	for _, load := range []float64{0.5, 2, 8, 32, 128} {
		b.Run(fmt.Sprintf("vCPUs=%v", load), func(b *testing.B) {
			ask := large(load)
			b.ReportAllocs()
			for b.Loop() {
				var p planner.Planner
				if _, err := p.Plan(ask); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPlanAgain plans the same with tables that are known, for a rate that has changed.
func BenchmarkPlanAgain(b *testing.B) {
	for _, load := range []float64{0.5, 2, 8, 32, 128} {
		b.Run(fmt.Sprintf("vCPUs=%v", load), func(b *testing.B) {
			var p planner.Planner
			asks := [2]planner.Ask{large(load), large(load * 1.1)}
			for _, a := range asks {
				if _, err := p.Plan(a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := p.Plan(asks[i%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
