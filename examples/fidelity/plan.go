package main

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/serflow"
)

// choose has a planner decide, by what was just measured, what the arrivals are served on.
func (w *workload) choose(m serflow.Measurement, arrivals []time.Duration) error {
	traffic, err := planner.Arrivals(load.Replay(arrivals))
	if err != nil {
		return err
	}
	var p planner.Planner
	w.chosen, err = p.Plan(planner.Ask{
		VMs:       []planner.VM{{Offer: w.vm, Times: m.Profiles[w.vm.Name], Slots: 1}},
		Functions: []planner.Function{{Offer: w.function, Times: m.Profiles[w.function.Name], Cold: m.Cold[w.function.Name]}},
		SLO:       planner.SLO{Latency: w.slo}, Traffic: traffic, Reach: w.reach, Network: m.Network,
	})
	if err != nil {
		return err
	}
	w.vms = 0
	for _, g := range w.chosen.Plan.VMs {
		w.vms += g.VMs
	}
	for i := range w.chosen.Plan.Functions {
		w.chosen.Plan.Functions[i].Cold = 10 * time.Second // other work on this machine may hold a process up
	}
	fmt.Print(w.chosen.Explain())
	return nil
}
