// Profile measures the Fashion-MNIST network on VMs and functions that are subprocesses of this machine,
// writes what it has found to a file that a person can read and edit, and plans with it. Break it off and
// run it again: it goes on where it was, and measures nothing twice ("make profile" has ONNX Runtime at hand).
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/onnx"
	"github.com/serflow/serflow-go/stage/worker"
)

// What is measured, at the prices of examples/fashionmnist.
var (
	vm       = provisioner.VMOffer{Name: "quarter-core VM", VCPUs: 0.25, MemoryGB: 1, PerHour: 0.00838, Minimum: time.Minute}
	function = provisioner.FunctionOffer{Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.20e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond}
)

func main() {
	log.SetFlags(0)
	m, v, err := fashion()
	if err != nil {
		log.Fatal(err)
	}
	worker.Main(m) // the VMs and functions are processes of this program
	fingerprint, err := m.Fingerprint()
	if err != nil {
		log.Fatal(err)
	}
	file := flag.String("file", filepath.Join(os.TempDir(), "fashion-"+fingerprint[:12]+".profile.json"), "to write the profile to, and to go on from")
	samples := flag.Int("samples", 128, "that are taken through the stages, for each size of batches")
	rate := flag.Float64("rate", 40, "requests a second to plan for")
	flag.Parse()
	if flag.NArg() > 0 || *samples < 1 || !(*rate > 0 && *rate < 1e9) {
		log.Printf("-samples %d, -rate %v, arguments %q: give 1 or more, a rate above 0 and below a billion, and flags only (-help lists them)", *samples, *rate, flag.Args())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d, err := measure(ctx, m, *file, *samples)
	if err == nil {
		err = conclude(ctx, d, v, *file, *rate)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// slo is what batches and plans are to keep.
const slo = 300 * time.Millisecond

func measure(ctx context.Context, m stage.Model, file string, n int) (d *profile.Document, err error) {
	images, err := model.Test()
	if err != nil {
		return nil, err
	}
	var samples [][]stage.Tensor
	for _, pixels := range images.Pixels[:min(n, len(images.Pixels))] {
		samples = append(samples, []stage.Tensor{stage.Float32(model.Input, model.Shape, pixels)})
	}
	cloud, err := local.Open(local.Options{
		Program: local.Self, VMs: []local.VM{{Offer: vm, Boot: time.Second}}, Functions: []local.Function{{Offer: function, Cold: 50 * time.Millisecond}},
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	return serflow.Profile(ctx, m, samples, serflow.Profiling{Store: serflow.File(file), Progress: progress()},
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("profile"), serflow.SLO(slo), serflow.Limits(provisioner.Limits{VMs: 1, PerHour: 0.1, PerDay: 0.1}))
}

// progress tells when something else is measured, and now and then how far that is.
func progress() func(serflow.ProfileProgress) {
	var told serflow.ProfileProgress
	var at time.Time
	return func(p serflow.ProfileProgress) {
		if p.Offer == told.Offer && p.Rows == told.Rows && time.Since(at) < 2*time.Second {
			return
		}
		told, at = p, time.Now()
		doing := "starting"
		if p.Rows > 0 {
			doing = fmt.Sprintf("batches of %d", p.Rows)
		}
		fmt.Fprintf(os.Stderr, "%-18s %-14s %3d of %d\n", p.Offer, doing, p.Done, p.All)
	}
}

// conclude adds what the validation images say of exits, and plans.
func conclude(ctx context.Context, d *profile.Document, v exit.Validation, file string, rate float64) error {
	found, err := exit.Search(ctx, v, exit.Options{Bound: 0.5, Seed: 1})
	if err != nil {
		return err
	}
	d.Reach = profile.ReachOf(profile.FromValidation, found.ExitShare)
	var text bytes.Buffer
	if err := d.Write(&text); err != nil {
		return err
	}
	if err := serflow.File(file).Save(ctx, text.Bytes()); err != nil {
		return err
	}
	print(os.Stdout, d)
	fmt.Printf("\nAll of it is in %s; remove that to measure again.\n", file)

	ask, err := planner.AskOf(d, []provisioner.VMOffer{vm}, []provisioner.FunctionOffer{function})
	if err != nil {
		return err
	}
	ask.SLO, ask.Traffic = planner.SLO{Latency: slo}, planner.Steady(rate, rate/10)
	var p planner.Planner
	r, err := p.Plan(ask)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s", r.Explain())
	return nil
}

// fashion is the network, and the logits of its validation images.
func fashion() (m stage.Model, v exit.Validation, err error) {
	if v, err = model.Validation(); err != nil {
		return m, v, err
	}
	m = stage.NewModel("fashion")
	for k := range model.Stages {
		file, err := model.File(k)
		if err != nil {
			return m, v, err
		}
		policy := exit.MaxProb(0.9)
		if k == model.Stages-1 {
			policy = exit.Final()
		}
		m.Stages = append(m.Stages, stage.New(fmt.Sprintf("s%d", k+1), onnx.Bytes(file), policy))
	}
	return m, v, nil
}
