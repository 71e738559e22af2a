package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/onnx"
)

// workload is what is served, and on what.
type workload struct {
	model       stage.Model
	samples     func(seed uint64) func() []stage.Tensor // a stream of samples
	reach       []float64                               // expected
	vm          provisioner.VMOffer
	function    provisioner.FunctionOffer
	cold        time.Duration // added to a function's start
	concurrency int
	vms         int
	behind      int     // the stage from which on functions serve alone; 0 if VMs serve all, and functions what they cannot
	from, to    float64 // the rate, of what the VMs can carry
	slo         time.Duration
	measured    int // samples that are measured
	parts       int // in which it is served, with measurements in between
	warm        int // processes of the function that are there from the start
	chosen      *planner.Result
}

func workloadOf(name string) (workload, error) {
	switch name {
	case "waits":
		return waits()
	case "fashion":
		return fashion()
	}
	return workload{}, fmt.Errorf("no model %q: there are waits and fashion", name)
}

func (w workload) plan(vms int) provisioner.Plan {
	if w.chosen != nil {
		return w.chosen.Plan
	}
	onVMs, onFunctions := stage.Range{Last: w.last()}, stage.Range{First: w.behind, Last: len(w.model.Stages) - 1}
	return provisioner.Plan{
		Generation: 1, Reach: w.reach,
		VMs:       []provisioner.VMGroup{{Stages: onVMs, Offer: w.vm, VMs: vms, Slots: 1}},
		Functions: []provisioner.FunctionGroup{{Stages: onFunctions, Offer: w.function, Cold: 10 * time.Second}},
	}
}

// last is the last stage on VMs.
func (w workload) last() int {
	if w.behind > 0 {
		return w.behind - 1
	}
	return len(w.model.Stages) - 1
}

// meanOf is what a request takes on a VM on average.
func (w workload) meanOf(t profile.Times) (sum time.Duration) {
	for k, r := range w.reach[:w.last()+1] {
		sum += time.Duration(r * float64(t.Mean(k, 1)))
	}
	return sum
}

// The stages of the model that waits: log-normal times with these means, and a standard
// deviation of half of that.
var (
	waitMeans = []time.Duration{20 * time.Millisecond, 25 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond}
	waitReach = []float64{1, 0.6, 0.4, 0.25}
)

const variation = 0.5

func waits() (workload, error) {
	w := workload{
		reach:    waitReach,
		vm:       provisioner.VMOffer{Name: "VM", VCPUs: 1, PerHour: 0.04},
		function: provisioner.FunctionOffer{Name: "function", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond},
		cold:     100 * time.Millisecond, concurrency: 100, vms: 20, from: 0.7, to: 1.2, slo: 500 * time.Millisecond, measured: 2000, parts: 1, warm: 20,
	}
	times, err := profile.LogNormal(waitMeans, variation)
	if err != nil {
		return workload{}, err
	}
	w.model = load.Waits{Name: "waits", Times: times}.Model()
	w.samples = func(seed uint64) func() []stage.Tensor {
		r := rand.New(rand.NewPCG(seed, 3))
		return func() []stage.Tensor { return []stage.Tensor{load.Sample(load.Depth(r, waitReach), 1)} }
	}
	return w, nil
}

// fashion is the Fashion-MNIST network: its small stages on VMs of a twentieth of a core, and
// its last one, which one request in eight gets to, on functions of the smallest size. So little of a
// core, for all of them share the few that this machine has, with the service.
func fashion() (workload, error) {
	v, err := model.Validation()
	if err != nil {
		return workload{}, err
	}
	found, err := exit.Search(context.Background(), v, exit.Options{Bound: 0.5, Seed: 1})
	if err != nil {
		return workload{}, err
	}
	images, err := model.Test()
	if err != nil {
		return workload{}, err
	}
	w := workload{
		vm:       provisioner.VMOffer{Name: "VM", VCPUs: 0.05, PerHour: 0.00838},
		function: provisioner.FunctionOffer{Name: "function", MemoryMB: 128, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond},
		cold:     100 * time.Millisecond, concurrency: 32, vms: 8, behind: 4, from: 0.2, to: 0.5, slo: 500 * time.Millisecond, measured: 1000, parts: 10, warm: 16,
	}
	w.model = stage.NewModel("fashion")
	for k, policy := range found.Policies {
		file, err := model.File(k)
		if err != nil {
			return workload{}, err
		}
		w.model.Stages = append(w.model.Stages, stage.New(fmt.Sprintf("s%d", k+1), onnx.Bytes(file), policy))
	}
	left := 1.0
	for _, share := range found.ExitShare {
		w.reach = append(w.reach, left)
		left = max(left-share, 0)
	}
	w.samples = func(seed uint64) func() []stage.Tensor {
		order, i := rand.New(rand.NewPCG(seed, 3)).Perm(len(images.Pixels)), 0
		return func() []stage.Tensor {
			i++
			return []stage.Tensor{stage.Float32(model.Input, model.Shape, images.Pixels[order[i%len(order)]])}
		}
	}
	return w, nil
}
