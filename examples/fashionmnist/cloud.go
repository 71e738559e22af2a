package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// What is rented, of subprocesses that are held to their share of a core: a small VM is a
// quarter of one, a function of 1,769 MB a whole one. The prices are those of Google
// Cloud's e2-micro (us-central1, on demand, $0.00838 an hour) and of AWS Lambda (us-east-1,
// x86), of November 2026 as far as is known here; a shared core may burst, which this one does not. There is
// no minimum charge, which is a minute at both clouds: the stream is over in one.
var (
	smallVM     = provisioner.VMOffer{Name: "quarter-core VM", VCPUs: 0.25, MemoryGB: 1, PerHour: 0.00838}
	bigFunction = provisioner.FunctionOffer{Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.20e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond, Concurrency: 16}
	bootTime    = 3 * time.Second
	coldStart   = 50 * time.Millisecond
)

// How many VMs are measured, and how many there may be.
const vms, mostVMs = 2, 6

func rent() (*local.Provider, error) {
	return local.Open(local.Options{
		Program: local.Self, Concurrency: bigFunction.Concurrency,
		VMs:       []local.VM{{Offer: smallVM, Boot: bootTime}},
		Functions: []local.Function{{Offer: bigFunction, Cold: coldStart}},
	})
}

// plan is for measuring.
func plan(reach []float64) provisioner.Plan {
	all := stage.Range{Last: model.Stages - 1}
	return provisioner.Plan{
		Generation: 1, Reach: reach,
		VMs:       []provisioner.VMGroup{{Stages: all, Offer: smallVM, VMs: vms}},
		Functions: []provisioner.FunctionGroup{{Stages: all, Offer: bigFunction, Cold: 2 * time.Second}},
	}
}

// ask is what the planner is asked, with what has been measured: what to rent for so many requests a second.
func ask(m serflow.Measurement, reach []float64, rate float64) planner.Ask {
	return planner.Ask{
		VMs:       []planner.VM{{Offer: smallVM, Times: m.Profiles[smallVM.Name], Boot: bootTime}},
		Functions: []planner.Function{{Offer: bigFunction, Times: m.Profiles[bigFunction.Name], Cold: m.Cold[bigFunction.Name]}},
		SLO:       planner.SLO{Latency: streamSLO}, Traffic: planner.Steady(rate, 0), Reach: reach, Network: m.Network,
	}
}

const owner = "fashionmnist"

// credential is the same for the pipeline that measures and the one that serves, so that
// they have the function in common.
var credential = rand.Text()

// openOn opens a pipeline on VMs and functions, and waits until so many VMs serve.
func openOn(ctx context.Context, cloud *local.Provider, exits []exit.Policy, vms int, options ...serflow.Option) (*serflow.Pipeline, error) {
	m, err := fashion(exits)
	if err != nil {
		return nil, err
	}
	p, err := serflow.Open(ctx, m, append(options,
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner(owner), serflow.Credential(credential), serflow.SLO(streamSLO),
		serflow.Limits(provisioner.Limits{VMs: mostVMs, PerHour: 0.1, PerDay: 0.1}), serflow.Heartbeat(500*time.Millisecond))...)
	if err != nil {
		return nil, err
	}
	for ready(p.Stats()) < vms {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), p.Close())
		}
	}
	return p, nil
}

// How many images are taken through every stage to measure it, and how many processes of the
// function are there when the stream begins.
const measured, warm = 400, 8

// measure finds out what stages take on the VMs and on the function, and leaves the function
// there, and warm.
func measure(ctx context.Context, cloud *local.Provider, exits []exit.Policy, reach []float64, images model.Images, show *progress) (m serflow.Measurement, err error) {
	p, err := openOn(ctx, cloud, exits, vms, serflow.Plan(plan(reach)))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.Close(), endVMs(context.WithoutCancel(ctx), cloud)) }()
	var samples [][]stage.Tensor
	for _, pixels := range images.Pixels[:measured] {
		samples = append(samples, []stage.Tensor{stage.Float32(model.Input, model.Shape, pixels)})
	}
	progress := show.begin("measuring VMs, functions", 2*measured)
	if m, err = p.Measure(ctx, samples, vms, func(visits, _ int) { progress(visits) }); err != nil {
		return m, err
	}
	_, err = p.Measure(ctx, samples[:4*warm], warm, nil) // it takes so many processes at once
	return m, err
}

// endVMs ends the VMs that were measured: those that serve are told what was measured.
func endVMs(ctx context.Context, cloud *local.Provider) error {
	list, err := cloud.VMs().List(ctx, owner)
	for _, vm := range list {
		err = errors.Join(err, cloud.VMs().End(ctx, vm.ID))
	}
	return err
}

// perRequest is what a request takes on a VM on average.
func perRequest(t profile.Times, reach []float64) (sum time.Duration) {
	for k, r := range reach {
		sum += time.Duration(r * float64(t.Mean(k, 1)))
	}
	return sum
}
