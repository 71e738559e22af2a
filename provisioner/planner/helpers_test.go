package planner_test

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// must is for settings that are right.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ms(times ...float64) (d []time.Duration) {
	for _, t := range times {
		d = append(d, time.Duration(t*float64(time.Millisecond)))
	}
	return d
}

// small is a model of four stages with two VM types and two function sizes.
func small(rate, deviation float64) planner.Ask {
	x86, arm := must(profile.LogNormal(ms(2, 4, 6, 8), 0.4)), must(profile.LogNormal(ms(2.4, 4.8, 7.2, 9.6), 0.4))
	f := planner.Function{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667}, Times: x86}
	return planner.Ask{
		VMs: []planner.VM{
			{Offer: provisioner.VMOffer{Name: "x86", VCPUs: 2, MemoryGB: 4, PerHour: 0.085}, Times: x86},
			{Offer: provisioner.VMOffer{Name: "arm", VCPUs: 2, MemoryGB: 4, PerHour: 0.068}, Times: arm},
		},
		Functions: must(planner.Sizes(f, 1769, nil, 1024, 1769)),
		SLO:       planner.SLO{Latency: 200 * time.Millisecond},
		Traffic:   planner.Steady(rate, deviation),
		Reach:     []float64{1, 0.5, 0.25, 0.1},
		Memory:    planner.Memory{BaseMB: 200, StageMB: []float64{100, 100, 200, 200}},
		Network: provisioner.Network{
			VM:       provisioner.Path{Latency: 500 * time.Microsecond},
			Function: provisioner.Path{Latency: 5 * time.Millisecond},
		},
	}
}
