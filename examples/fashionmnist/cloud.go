package main

import (
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// What is rented, of subprocesses that are held to their share of a core: a small VM is a
// quarter of one, a function of 1,769 MB a whole one. The prices are those of Google
// Cloud's e2-micro (us-central1, on demand, $0.00838 an hour) and of AWS Lambda (us-east-1,
// x86), of November 2026 as far as is known here; a shared core may burst, which this one does not.
var (
	smallVM       = provisioner.VMOffer{Name: "quarter-core VM", VCPUs: 0.25, MemoryGB: 1, PerHour: 0.00838, Minimum: time.Minute}
	bigFunction   = provisioner.FunctionOffer{Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.20e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond, Concurrency: 4}
	bootTime      = 3 * time.Second
	coldStart     = 200 * time.Millisecond
	vms           = 2
	onePerRequest = provisioner.Network{VM: provisioner.Path{Latency: 250 * time.Microsecond}, Function: provisioner.Path{Latency: 500 * time.Microsecond}}
)

func rent() (*local.Provider, error) {
	return local.Open(local.Options{
		Program:   local.Self,
		VMs:       []local.VM{{Offer: smallVM, Boot: bootTime}},
		Functions: []local.Function{{Offer: bigFunction, Cold: coldStart}},
	})
}

func plan(reach []float64) provisioner.Plan {
	all := stage.Range{Last: model.Stages - 1}
	return provisioner.Plan{
		Generation: 1, Reach: reach,
		VMs:       []provisioner.VMGroup{{Stages: all, Offer: smallVM, VMs: vms}},
		Functions: []provisioner.FunctionGroup{{Stages: all, Offer: bigFunction, Cold: 2 * time.Second}},
	}
}

// timesOf supposes that a stage takes on an offer what it took in process, at the offer's
// share of a core.
func timesOf(s serflow.Stats) (map[string]profile.Times, error) {
	times := map[string]profile.Times{}
	for name, share := range map[string]float64{smallVM.Name: smallVM.VCPUs, bigFunction.Name: 1} {
		var means []time.Duration
		for _, st := range s.Stages {
			means = append(means, time.Duration(float64(st.Latency.Quantile(0.5))/share))
		}
		t, err := profile.Deterministic(means)
		if err != nil {
			return nil, err
		}
		times[name] = t
	}
	return times, nil
}

// perRequest is what a request takes on a VM on average.
func perRequest(t profile.Times, reach []float64) (sum time.Duration) {
	for k, r := range reach {
		sum += time.Duration(r * float64(t.Mean(k, 1)))
	}
	return sum
}
