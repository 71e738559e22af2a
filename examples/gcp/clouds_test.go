//go:build !race

package main

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// What a request carries from a cloud's VMs to the functions of another is priced by the byte, by hand:
// 100,000 bytes at 0.12 dollars a GB are 1.2e-5 dollars, and the call itself is 7e-7. So VMs pay sooner than they
// would beside functions of the same cloud.
func TestTransferBetweenClouds(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	plan := func(f provisioner.FunctionOffer, perGB, rate float64) *planner.Result {
		var p planner.Planner
		r, err := p.Plan(planner.Ask{
			VMs:       []planner.VM{{Offer: gcp.OnDemand(gcp.Known("e2-standard-4")...).Offer, Times: times}},
			Functions: []planner.Function{{Offer: f, Times: times}},
			SLO:       planner.SLO{Latency: time.Second}, Traffic: planner.Traffic{Rates: []planner.Rate{{PerSecond: rate, Share: 1}}},
			Network: provisioner.Network{Function: provisioner.Path{DollarsPerGB: perGB}, Payload: []int{99_000}, Answer: 1000},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	lambda := aws.Sizes()[0]
	apart := plan(lambda, gcp.ToInternet, 1)
	if want := 3600 * 1e5 / 1e9 * 0.12; len(apart.Plan.VMs) != 0 || math.Abs(apart.Bill.Transfer-want) > 1e-6*want || apart.Bill.Transfer < 2*apart.Bill.Functions {
		t.Errorf("%+v: want no VMs, and %v dollars an hour for transfer", apart.Bill, want)
	}
	// At 5 requests a second, functions of the same cloud cost less than a VM, and those of another more.
	if r := plan(gcp.SizeOf(1, 512, gcp.ByRequest).Offer, 0, 5); len(r.Plan.VMs) != 0 || r.Bill.Transfer != 0 {
		t.Errorf("beside functions of the same cloud: %+v, %+v", r.Plan, r.Bill)
	}
	if r := plan(lambda, gcp.ToInternet, 5); len(r.Plan.VMs) != 1 {
		t.Errorf("beside functions of another: %+v, %+v", r.Plan, r.Bill)
	}
}
