package control_test

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// By hand: two stages of 10 and 30 ms, of which the second is reached by half: 25 ms a request, 40
// the full pass, so two slots carry 80 and 50 a second. The function takes as long, at a dollar a
// GB-second and 0.1 a call: 0.125 dollars.
func TestSupposed(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{10 * time.Millisecond, 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	f := provisioner.FunctionOffer{Name: "f", MemoryMB: 1024, PerCall: 0.1, PerGBSecond: 1}
	plan := provisioner.Plan{
		Reach:     []float64{1, 0.5},
		VMs:       []provisioner.VMGroup{{Stages: all, Offer: small, VMs: 2, Slots: 2}},
		Functions: []provisioner.FunctionGroup{{Stages: all, Offer: f}},
	}
	e := provisioner.Expect{Plan: plan, Times: map[string]profile.Times{"small": times, "f": times}}
	o := control.Supposed(e, 2, time.Minute)[0].Offers[0]
	for what, x := range map[string][2]float64{
		"saturation": {o.Saturation, 80}, "full pass": {o.FullPass, 50}, "a request": {o.PerRequest, 0.125},
		"a second": {o.PerSecond, 0.1 / 3600}, "boot": {o.Boot.Seconds(), 60}, "carried": {o.Carried.Share(1, 80), 1 - 0.4},
	} {
		if math.Abs(x[0]-x[1]) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, x[0], x[1])
		}
	}
	e.Plan.Functions = nil
	want(t, "without functions", control.Supposed(e, 2, 0)[0].Offers[0].PerRequest, 0)
}
