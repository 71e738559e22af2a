package policy_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

func ExampleCostOptimal() {
	p := &policy.CostOptimal{}
	g := policy.Group{
		Reach: 1, Max: 20, // VMs
		Economics: policy.Economics{
			PerSecond:  0.0425 / 3600, // of a VM
			PerRequest: 2.4e-6,        // of a request on a function
			Saturation: 20, Boot: time.Minute, Carried: policy.Erlang{Slots: 2, Rate: 10},
		},
	}
	for s := range int64(60) { // a tick each second, which is more often than needed
		g.Counts = estimate.Counts{First: s, Each: []int{40 + int(s%5)}}
		o := policy.Observation{Arrivals: g.Counts, Groups: []policy.Group{g}}
		d, err := policy.Check(p.Name(), o, p.Decide(time.Duration(s)*time.Second, o))
		if err != nil {
			fmt.Println(err)
			return
		}
		g.Booting = int(d.Groups[0].VMs) // all that is ordered boots
		if s == 59 {
			fmt.Printf("%v VMs by the rule of %v\n", d.Groups[0].VMs, d.Groups[0].Why.Rule)
			fmt.Println(d.Groups[0].Why)
		}
	}
	memory, _ := json.Marshal(p) // what a restart takes up
	fmt.Println(len(memory) > 0)
	// Output:
	// 3 VMs by the rule of least cost
	// least cost, at 42±5.9 requests per second: the last VM saves $0.0709 an hour and one more would save $0.0349, for $0.0425
	// true
}

func ExampleCheck() {
	o := policy.Observation{Groups: []policy.Group{{Ready: 3, Max: 10}}}
	d, err := policy.Check("mine", o, policy.Decision{Groups: []policy.Order{{VMs: 1e6}}})
	fmt.Println(d.Groups[0].VMs, "VMs")
	fmt.Println(err)
	// Output:
	// 3 VMs
	// bad decision: policy mine wants 1e+06 VMs for stage 1: want a whole number from 0 to 10
}

func ExampleLibraTuned() {
	training := make([]int, 2*3600) // one-second counts
	for s := range training {
		training[s] = 100 + s%20
	}
	g := policy.Group{Max: 50, Economics: policy.Economics{PerSecond: 1e-5, PerRequest: 2e-6, Saturation: 20, Boot: time.Minute}}
	grid := policy.Grid{Periods: []time.Duration{time.Minute}, Gains: []float64{0.1}}
	tuned := policy.LibraTuned(policy.Measured, grid, func(p policy.Policy) float64 { return policy.Replay(p, g, training).Dollars() })
	fmt.Println("of the share, for VMs:", tuned.Ration)
	// Output:
	// of the share, for VMs: 1
}
