package planner_test

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// cpu is a small model on processors. Its last stage takes long and few requests get there.
func cpu(rate float64) planner.Ask {
	a := ask(rate)
	a.VMs[0].Boot = time.Minute
	return a
}

// bert is like BERT with three exits: much to hold, and stages that gain by some more threads.
func bert(rate float64) planner.Ask {
	times := must(profile.LogNormal(ms(30, 40, 80), 0.2))
	f := planner.Function{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Concurrency: 1000}, Times: times, Cold: 3 * time.Second, ColdShare: 0.001}
	return planner.Ask{
		VMs: []planner.VM{
			{Offer: provisioner.VMOffer{Name: "x86", VCPUs: 4, MemoryGB: 8, PerHour: 0.17}, Times: times},
			{Offer: provisioner.VMOffer{Name: "arm", VCPUs: 4, MemoryGB: 8, PerHour: 0.136}, Times: must(profile.LogNormal(ms(33, 44, 88), 0.2))},
			{Offer: provisioner.VMOffer{Name: "arm spot", VCPUs: 4, MemoryGB: 8, PerHour: 0.055, Market: provisioner.Spot, Interruptions: 0.05}, Times: must(profile.LogNormal(ms(33, 44, 88), 0.2)), Boot: 2 * time.Minute},
		},
		Functions: must(planner.Sizes(f, 1769, func(v float64) float64 { return 1 + 0.8*(v-1) }, 1769, 3008, 5120)),
		SLO:       planner.SLO{Latency: 600 * time.Millisecond},
		Traffic:   planner.Steady(rate, rate/5),
		Reach:     []float64{1, 0.4, 0.15},
		Memory:    planner.Memory{BaseMB: 400, StageMB: []float64{200, 200, 500}},
	}
}

// languages is a cascade of two language models: a small one, and one on GPUs that no function holds.
func languages(rate float64) planner.Ask {
	small, large := 40.0, 400.0
	gpu := must(profile.BatchGain(must(profile.LogNormal(ms(small/2, large), 0.3)), 6))
	return planner.Ask{
		VMs: []planner.VM{
			{Offer: provisioner.VMOffer{Name: "cpu", VCPUs: 4, MemoryGB: 16, PerHour: 0.17}, Times: must(profile.LogNormal(ms(small, 40*large), 0.3))},
			{Offer: provisioner.VMOffer{Name: "gpu", VCPUs: 4, MemoryGB: 64, PerHour: 1}, Slots: 1, Times: gpu},
		},
		Functions: []planner.Function{{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 3538, PerCall: 0.2e-6, PerGBSecond: 0.0000166667}, Times: must(profile.LogNormal(ms(small, 40*large), 0.3))}},
		SLO:       planner.SLO{Latency: 6 * time.Second},
		Traffic:   planner.Steady(rate, 0),
		Reach:     []float64{1, 0.1},
		Memory:    planner.Memory{BaseMB: 500, StageMB: []float64{2000, 14000}},
	}
}
