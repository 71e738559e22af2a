// Fidelity serves one workload twice, on subprocesses of this machine that stand for virtual
// machines and cloud functions, and in the simulator with the times that were just measured
// of them, and prints both side by side: the bill, the latencies and the functions' share.
//
// With -model waits, the default, a stage waits for a drawn time instead of computing, so
// that two cores can stand for twenty VMs. With -model fashion the Fashion-MNIST network
// computes ("make fidelity" runs both).
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage/worker"
)

func main() {
	log.SetFlags(0)
	name := flag.String("model", "waits", "what is served: waits or fashion")
	planned := flag.Bool("planned", false, "have a planner choose how many VMs there are, and compare what it expects with what was served")
	length := flag.Duration("length", 30*time.Second, "of the workload")
	seed := flag.Uint64("seed", 1, "of arrivals and depths")
	flag.Parse()
	if flag.NArg() > 0 || *length <= 0 {
		usage("-length %v, arguments %q: give a length above 0, and flags only (-help lists them)", *length, flag.Args())
	}
	w, err := workloadOf(*name)
	if err != nil {
		usage("%v", err)
	}
	worker.Main(w.model) // the VMs and functions are processes of this program
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := compare(ctx, w, *name, *planned, *length, *seed); err != nil {
		log.Fatal(err)
	}
}

// usage ends the program as package flag does for arguments that cannot be.
func usage(format string, args ...any) {
	log.Printf(format, args...)
	os.Exit(2)
}

func compare(ctx context.Context, w workload, name string, planned bool, length time.Duration, seed uint64) error {
	cloud, err := local.Open(local.Options{
		Program: local.Self, Args: []string{"-model", name}, Concurrency: w.concurrency,
		VMs: []local.VM{{Offer: w.vm}}, Functions: []local.Function{{Offer: w.function, Cold: w.cold}},
	})
	if err != nil {
		return err
	}
	defer cloud.Close()
	measured, err := w.measure(ctx, cloud)
	if err != nil {
		return fmt.Errorf("measuring: %w", err)
	}
	mean := w.meanOf(measured.Profiles[w.vm.Name])
	capacity := float64(w.vms) / mean.Seconds()
	fmt.Printf("%s: a request takes %v on a VM on average, so %d VMs carry %.0f a second.\n", name, mean.Round(time.Microsecond), w.vms, capacity)
	arrivals, err := load.Arrivals(traffic.Ramp(w.from*capacity, w.to*capacity, length/4, length), length, seed)
	if err != nil {
		return err
	}
	if planned {
		if err := w.choose(measured, arrivals); err != nil {
			return fmt.Errorf("planning: %w", err)
		}
	}
	s, measured, err := w.serve(ctx, cloud, measured, arrivals, length, seed)
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	simulated, err := w.simulate(ctx, measured, s, seed)
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	print(os.Stdout, len(arrivals), s.outcome, simulated)
	return errors.Join(cloud.Close())
}

const owner = "fidelity"

// credential is the same for both pipelines, so that they have the function in common.
var credential = rand.Text()

// open opens a pipeline on some VMs and functions.
func open(ctx context.Context, w workload, cloud *local.Provider, vms int, options ...serflow.Option) (*serflow.Pipeline, error) {
	return serflow.Open(ctx, w.model, append(options,
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner(owner), serflow.Credential(credential), serflow.SLO(w.slo),
		serflow.Limits(provisioner.Limits{VMs: vms, PerHour: 1e3, PerDay: 1e3}), serflow.Plan(w.plan(vms)))...)
}

// allReady waits until so many VMs serve.
func allReady(ctx context.Context, p *serflow.Pipeline, vms int) error {
	for {
		ready := 0
		for _, vm := range p.Stats().VMs {
			if vm.State == "ready" {
				ready++
			}
		}
		if ready == vms {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
