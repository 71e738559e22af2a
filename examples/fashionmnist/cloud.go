package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// mostVMs is how many there may be.
const mostVMs = 6

func rent() (*local.Provider, error) {
	return local.Open(local.Options{
		Program: local.Self, Concurrency: bigFunction.Concurrency,
		VMs:       []local.VM{{Offer: smallVM, Boot: bootTime}},
		Functions: []local.Function{{Offer: bigFunction, Cold: coldStart}},
	})
}

// options are those of all that is rented here.
func options(cloud *local.Provider, owner string) []serflow.Option {
	return []serflow.Option{
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner(owner), serflow.SLO(streamSLO),
		serflow.Limits(provisioner.Limits{VMs: mostVMs, PerHour: 0.1, PerDay: 0.1}), serflow.Heartbeat(500 * time.Millisecond),
	}
}

// What is measured: so many images, in batches of these sizes, on so many VMs at once.
const measured, measuredOn = 240, 2

var batches = []int{1, 4, 16}

// measure finds out what the stages take on the VMs and on the function, and makes a question for the
// planner of it: what to rent for so many requests a second, of which these shares get to each stage.
func measure(ctx context.Context, cloud *local.Provider, exits []exit.Policy, reach []float64, images model.Images, show *progress) (ask planner.Ask, err error) {
	m, err := fashion(exits)
	if err != nil {
		return ask, err
	}
	d, err := serflow.Profile(ctx, m, samples(images, measured), serflow.Profiling{Batches: batches, VMs: measuredOn, Progress: func(p serflow.ProfileProgress) {
		show.line(func() string { return fmt.Sprintf("measuring %-16s %5d of %d", p.Offer, p.Done, p.All) })
	}}, options(cloud, "fashionmnist-profile")...)
	if err != nil {
		return ask, err
	}
	if ask, err = planner.AskOf(d, []provisioner.VMOffer{smallVM}, []provisioner.FunctionOffer{bigFunction}); err != nil {
		return ask, err
	}
	ask.Reach, ask.SLO.Latency = reach, streamSLO
	return ask, nil
}

// samples are the first n images.
func samples(images model.Images, n int) (all [][]stage.Tensor) {
	for _, pixels := range images.Pixels[:n] {
		all = append(all, []stage.Tensor{stage.Float32(model.Input, model.Shape, pixels)})
	}
	return all
}

// warm is how many processes of the function are there when the stream begins: each takes a second of
// one of the few cores that this machine has to start.
const warm = 8

// open opens a pipeline whose plan and fleet follow from what is asked, and waits until a VM serves.
func open(ctx context.Context, cloud *local.Provider, exits []exit.Policy, ask planner.Ask, log *slog.Logger) (*serflow.Pipeline, error) {
	m, err := fashion(exits)
	if err != nil {
		return nil, err
	}
	p, err := serflow.Open(ctx, m, append(options(cloud, "fashionmnist"),
		serflow.Scale(serflow.Scaling{Ask: &ask, Every: decides}), serflow.Network(ask.Network), serflow.Log(log))...)
	if err != nil {
		return nil, err
	}
	for ready(p.Stats()) == 0 {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), p.Close())
		}
	}
	return p, nil
}

// perRequest is what a request takes on a VM on average.
func perRequest(t profile.Times, reach []float64) (sum time.Duration) {
	for k, r := range reach {
		sum += time.Duration(r * float64(t.Mean(k, 1)))
	}
	return sum
}
