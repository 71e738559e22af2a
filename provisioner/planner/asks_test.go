package planner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// draw is a uniform number from 0 to below 1. Rapid draws only the seed: its own numbers are mostly
// extremes, with which hardly any plan has VMs.
type draw func() float64

func seeded(seed uint64) draw {
	return rand.New(rand.NewPCG(seed, 0)).Float64
}

func (d draw) from(low, high float64) float64 { return low + (high-low)*d() }

// log draws between two numbers above 0, so that each factor is as likely.
func (d draw) log(low, high float64) float64 {
	return math.Exp(d.from(math.Log(low), math.Log(high)))
}

func (d draw) int(low, high int) int { return low + int(d()*float64(high-low+1)) }

// ask draws a model of some stages and a few offers: prices, speeds, memories, limits.
func (d draw) ask(most int) Ask {
	stages := d.int(1, most)
	a := Ask{Memory: Memory{BaseMB: 100}}
	reach, base, work, pass := 1.0, make([]float64, stages), 0.0, 0.0
	for s := range base {
		base[s] = d.log(5e-4, 2e-2)
		work, pass = work+reach*base[s], pass+base[s]
		a.Reach = append(a.Reach, reach)
		reach *= d.from(0.02, 1)
		a.Memory.StageMB = append(a.Memory.StageMB, d.log(10, 3000))
		a.Network.Payload = append(a.Network.Payload, d.int(100, 200000))
	}
	a.SLO.Latency = toDuration(0.02 + pass*d.log(1.5, 30))
	for i := range d.int(0, 2) {
		a.VMs = append(a.VMs, d.vm(fmt.Sprint("v", i), base))
	}
	for i := range d.int(1, 2) {
		a.Functions = append(a.Functions, d.function(fmt.Sprint("f", i), base))
	}
	a.Network.VM = provisioner.Path{Latency: 500 * time.Microsecond, DollarsPerGB: 0.001 * float64(d.int(0, 1))}
	a.Network.Function = provisioner.Path{Latency: 3 * time.Millisecond, DollarsPerGB: 0.01 * float64(d.int(0, 1)), BitsPerSec: 1e9}
	a.Network.Answer = 1000
	rate := d.log(0.02, 10) / work
	a.Traffic = Steady(rate, rate*d.from(0, 0.6))
	return a
}

func (d draw) vm(name string, base []float64) VM {
	vcpus := float64(d.int(1, 4))
	offer := provisioner.VMOffer{Name: name, VCPUs: vcpus, MemoryGB: d.log(0.5, 2) * vcpus, PerHour: 0.04 * vcpus * d.log(0.5, 2)}
	v := VM{Offer: offer, Times: d.times(base, d.log(0.5, 2)), Boot: time.Minute}
	switch d.int(0, 3) {
	case 1:
		v.Offer.Market, v.Offer.Interruptions = provisioner.Spot, d.from(0, 1)
	case 2:
		v.Offer.Market, v.Committed = provisioner.Committed, d.int(1, 3)
	case 3:
		v.Committed, v.CommittedPerHour = d.int(0, 2), v.Offer.PerHour/2
	}
	return v
}

func (d draw) function(name string, base []float64) Function {
	offer := provisioner.FunctionOffer{Name: name, MemoryMB: d.int(1024, 10240), PerCall: 0.2e-6, PerGBSecond: 0.0000166667}
	if d() > 0.7 {
		offer.Concurrency = d.int(5, 1000)
	}
	return Function{Offer: offer, Times: d.times(base, d.log(0.5, 1.5)), Cold: 300 * time.Millisecond, ColdShare: 0.001 * float64(d.int(0, 1))}
}

func (d draw) times(base []float64, speed float64) profile.Times {
	var means []time.Duration
	for _, b := range base {
		means = append(means, toDuration(b/speed/d.log(0.8, 1.25)))
	}
	t, err := profile.LogNormal(means, d.from(0.1, 1))
	if err == nil {
		t, err = profile.BatchGain(t, d.from(1, 4))
	}
	if err != nil {
		panic(err)
	}
	return t
}
