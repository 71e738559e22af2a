package main

import (
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// The price sheet: of the kind that large clouds list for a small virtual machine and
// for a cloud function, and no offer of any of them. Put your own prices here.
var (
	vmOffer = provisioner.VMOffer{
		Name: "2-vCPU VM, on demand", VCPUs: 2, MemoryGB: 4, PerHour: 0.0850, Minimum: time.Minute,
	}
	// 1,769 MB is the size at which AWS Lambda gives a function one vCPU.
	functionOffer = provisioner.FunctionOffer{
		Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.20e-6, PerGBSecond: 0.0000166667,
		Round: time.Millisecond, Concurrency: 1000,
	}
)

// What is not measured either: what it takes to reach a place, and how long a function
// that has to be started makes its caller wait.
var (
	paths     = provisioner.Network{VM: provisioner.Path{Latency: 500 * time.Microsecond}, Function: provisioner.Path{Latency: 5 * time.Millisecond}}
	coldStart = mock.Spread{Median: 400 * time.Millisecond, P99: 1200 * time.Millisecond}
)

const keepAlive = 10 * time.Minute // an idle function instance stays so long

// timesOf supposes that a stage takes its share, by multiply-adds, of the full pass.
func timesOf(s settings, n network) (profile.Times, error) {
	var means []time.Duration
	for _, c := range n.cost {
		means = append(means, time.Duration(float64(s.pass)*c/n.full()))
	}
	return profile.LogNormal(means, s.cv)
}

// cloud is how VMs and functions start.
func cloud(boot time.Duration) mock.Config {
	return mock.Config{Boot: mock.Spread{Median: boot, P99: boot * 3 / 2}, Cold: coldStart, KeepAlive: keepAlive}
}

func newWorld(c mock.Config) func(*rand.Rand) (simulate.World, error) {
	return func(r *rand.Rand) (simulate.World, error) { return mock.NewWorld(c, r) }
}
