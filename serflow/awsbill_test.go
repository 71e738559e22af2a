//go:build !race

package serflow_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	depths "github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// slower is how many times slower the demo goes here, so that the second to which VMs are billed is small
// beside all of it; its network computes slowlier still, for fewer requests.
const slower = 3

// The demo's network, by the README of examples/fashionmnist: the share of images that gets to each stage,
// and what the stages take, 20 times as long.
var (
	demoReach = []float64{1, 0.940, 0.409, 0.254, 0.125}
	demoTimes = []time.Duration{
		slower * 700 * time.Microsecond, slower * 1760 * time.Microsecond, slower * 3400 * time.Microsecond, slower * 6780 * time.Microsecond, slower * 56940 * time.Microsecond,
	}
)

// The demo's stream: the rate rises from 0.9 of what a VM carries to 2.7, and falls again.
const (
	demoLength = slower * 80 * time.Second
	demoSLO    = slower * 300 * time.Millisecond
	demoTail   = 5 * time.Second // at the end without arrivals, so that no request adds a second to the bill
	demoVMs    = 2
	demoWarm   = 40 // sandboxes of the function, as many as it ever needs: the demo warms it too
)

func demoRate(capacity float64) traffic.Rate {
	const second = slower * time.Second
	quiet, busy := 0.9*capacity, 2.7*capacity
	up, down := traffic.Ramp(quiet, busy, 15*second, 30*second), traffic.Ramp(busy, quiet, 40*second, 45*second)
	return traffic.Rate{
		At:     func(now time.Duration) float64 { return min(up.At(now), down.At(now)) },
		Bounds: func(time.Duration, time.Duration) (least, most float64) { return quiet, busy },
	}
}

// demoModel takes as long as its times say, drawn by a seed.
func demoModel(times profile.Times, seed uint64) stage.Model {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 5))
	m := stage.NewModel("demo")
	for k := range demoTimes {
		policy := exit.MaxProb(0.9)
		if k == len(demoTimes)-1 {
			policy = exit.Final()
		}
		m.Stages = append(m.Stages, stage.New(fmt.Sprintf("s%d", k+1), stage.Func("waits", func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
			mu.Lock()
			takes := times.Draw(k, rows, r)
			mu.Unlock()
			select {
			case <-time.After(takes):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			leaves, err := stage.Data[float32](in[0])
			if err != nil {
				return nil, err
			}
			logits := make([]float32, 2*rows)
			for i := range rows {
				if int(leaves[i]) <= k {
					logits[2*i] = 10
				}
			}
			return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
		}), policy))
	}
	return m
}

// The demo's workload, on two VMs, is served with the real SDK, workers and pipeline on the fake, whose own books say
// what that cost, and simulated with the same arrivals. The bills of three seeds agree within 1 %; those of one do too
// as a rule, but goroutines take their turns as they like, and that moves them by 0.3 % (standard deviation).
func TestTheBillOfAWSIsThatOfTheEngine(t *testing.T) {
	served, simulated := 0.0, 0.0
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			times, err := profile.LogNormal(demoTimes, 0.2)
			if err != nil {
				t.Fatal(err)
			}
			perRequest := 0.0
			for k, r := range demoReach {
				perRequest += r * demoTimes[k].Seconds()
			}
			arrivals, err := load.Arrivals(demoRate(2/perRequest), demoLength-demoTail, seed) // two slots a VM
			if err != nil {
				t.Fatal(err)
			}
			a := newAmazon(t, demoModel(times, seed), fakeaws.Options{Init: 250 * time.Millisecond})
			exits, vms, functions := demoServed(t, a, times, arrivals, seed)
			r := demoSimulated(t, a.plan(demoVMs), times, arrivals, exits, seed)
			t.Logf("seed %d, %d requests: served VMs %.6f + functions %.6f = %.6f dollars; simulated %.6f + %.6f = %.6f: %+.2f %%",
				seed, len(arrivals), vms, functions, vms+functions, r.Dollars.VMs, r.Dollars.Functions, r.Dollars.Total, 100*(r.Dollars.Total/(vms+functions)-1))
			if functions < 0.1*vms {
				t.Errorf("functions cost %v, VMs %v: that shows too little", functions, vms)
			}
			served, simulated = served+vms+functions, simulated+r.Dollars.Total
		})
	}
	if off := simulated/served - 1; math.Abs(off) > 0.01 {
		t.Errorf("served for %.6f dollars, simulated for %.6f: off by %+.2f %%", served, simulated, 100*off)
	}
}

// demoServed serves the arrivals, and returns where they left and what that cost by the cloud's own books.
func demoServed(t *testing.T, a *amazon, times profile.Times, arrivals []time.Duration, seed uint64) (exits []int, vms, functions float64) {
	t.Helper()
	p := a.open(t, demoVMs, provisioner.Limits{VMs: demoVMs, PerHour: 10, PerDay: 10}, serflow.SLO(demoSLO), serflow.Network(demoNetwork),
		serflow.Times(aws.Known("c7g.large")[0].Name, times), serflow.Times(aws.Sizes()[0].Name, times))
	defer a.ended(t, p)
	waitUntil(t, "all VMs", func() bool { return ready(p) == demoVMs })
	if _, err := p.Measure(t.Context(), slices.Repeat([][]stage.Tensor{{stage.Float32("leaves", []int64{1}, []float32{4})}}, 4*demoWarm), demoWarm, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute) // which is the least that VMs are billed for
	r := rand.New(rand.NewPCG(seed, 3))
	samples := make([]stage.Tensor, len(arrivals))
	for i := range samples {
		samples[i] = stage.Float32("leaves", []int64{1}, []float32{float32(load.Depth(r, demoReach))})
	}
	exits = slices.Repeat([]int{-1}, len(arrivals))
	begun, vmsBefore, functionsBefore := time.Now(), a.VMDollars(), a.FunctionDollars()
	if err := load.Play(t.Context(), arrivals, nil, func(i int) {
		if r, err := p.Infer(t.Context(), samples[i]); err == nil {
			exits[i] = r.Exit
		}
	}); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Until(begun.Add(demoLength)))
	return exits, a.VMDollars() - vmsBefore, a.FunctionDollars() - functionsBefore
}

// demoNetwork is that of the bubble, in which sending takes no time.
var demoNetwork = provisioner.Network{VM: provisioner.Path{Latency: 1}, Function: provisioner.Path{Latency: 1}}

func demoSimulated(t *testing.T, plan provisioner.Plan, times profile.Times, arrivals []time.Duration, exits []int, seed uint64) simulate.Result {
	t.Helper()
	cold := mock.Config{Warm: demoWarm}
	r, err := simulate.Run(t.Context(), simulate.Scenario{
		Stages: len(demoTimes), Plan: plan, SLO: demoSLO, Network: demoNetwork, Running: true, Until: demoLength, Seed: seed, Rules: balancer.Rules{Floor: 75 * time.Millisecond},
		Times:   map[string]profile.Times{plan.VMs[0].Offer.Name: times, plan.Functions[0].Offer.Name: times},
		Traffic: func(*rand.Rand) (traffic.Source, error) { return load.Replay(arrivals), nil },
		Depths: func(*rand.Rand) (depths.Source, error) {
			return &load.Depths{Exits: slices.Clone(exits), Stages: len(demoTimes)}, nil
		},
		World: func(r *rand.Rand) (simulate.World, error) { return mock.NewWorld(cold, r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
