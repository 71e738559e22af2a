// Overload sends a fleet up to twice what it can carry, through Serflow and then through a
// plain reverse proxy with round robin in front of the very same workers, and prints side by
// side how many requests a second are answered within the SLO: the goodput.
//
// The VMs are subprocesses of this machine, whose stages wait for a drawn time instead of
// computing, so that few cores can stand for many VMs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage/worker"
)

// What is served: a stage takes a log-normal time with these means, and a standard deviation of
// half of that. A request is to be answered within the SLO, and its client waits no longer.
var (
	means = []time.Duration{20 * time.Millisecond, 25 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond}
	reach = []float64{1, 0.6, 0.4, 0.25}
	loads = []float64{0.5, 1, 1.5, 2} // of what the VMs can carry
)

const (
	variation = 0.5
	slo       = 300 * time.Millisecond
	vms       = 8
)

// times are those of the stages.
var times = func() profile.Times {
	t, err := profile.LogNormal(means, variation)
	if err != nil {
		panic(err) // the constants above cannot be
	}
	return t
}()

var model = load.Waits{Name: "waits", Times: times}.Model()

func main() {
	log.SetFlags(0)
	length := flag.Duration("length", 5*time.Second, "of each load")
	seed := flag.Uint64("seed", 1, "of arrivals and depths")
	flag.Parse()
	worker.Main(model) // the VMs are processes of this program
	if flag.NArg() > 0 || *length <= 0 {
		log.Printf("-length %v, arguments %q: give a length above 0, and flags only (-help lists them)", *length, flag.Args())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("%d VMs whose stages wait: a request takes %v on average, so they carry %.0f a second. It is to be answered within %v.\n\n",
		vms, mean(), capacity(), slo)
	rows, err := compare(ctx, loads, *length, *seed)
	if err != nil {
		log.Fatal(err)
	}
	print(os.Stdout, rows)
}

// mean is what a request takes on average.
func mean() (sum time.Duration) {
	for k, share := range reach {
		sum += time.Duration(share * float64(means[k]))
	}
	return sum
}

// capacity is how many requests a second the VMs can carry.
func capacity() float64 { return vms / mean().Seconds() }
