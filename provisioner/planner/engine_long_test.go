//go:build !race

package planner_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// The engine runs the same machines with more detail: what a plan says must come out. VMs learn caution over some minutes of it, and
// so take fewer requests that are near the end of their time than in the short runs of a plan.
func TestEngineAgrees(t *testing.T) {
	for name, c := range map[string]struct {
		rate float64
		slo  time.Duration
		vcpu float64
	}{
		"functions":     {60, 200 * time.Millisecond, 2},
		"tight":         {300, 70 * time.Millisecond, 2},
		"tighter":       {300, 50 * time.Millisecond, 2},
		"overloaded":    {420, 90 * time.Millisecond, 2},
		"several":       {700, 200 * time.Millisecond, 2},
		"many small":    {700, 150 * time.Millisecond, 1},
		"few and large": {900, 300 * time.Millisecond, 8},
	} {
		t.Run(name, func(t *testing.T) {
			a := small(c.rate, 0)
			a.SLO.Latency = c.slo
			a.VMs = a.VMs[:1]
			a.VMs[0].Offer.VCPUs, a.VMs[0].Offer.PerHour = c.vcpu, 0.0425*c.vcpu
			compare(t, a, plan(t, a), 0.2)
		})
	}
}

// VMs of half a GB hold no more than stages 1 and 2 together, so the plan has several groups.
func TestEngineAgreesOnGroups(t *testing.T) {
	a := small(900, 0)
	for i := range a.VMs {
		a.VMs[i].Offer.MemoryGB = 0.5
	}
	for _, slo := range []time.Duration{80, 100, 140, 200} {
		a.SLO.Latency = slo * time.Millisecond
		r := plan(t, a)
		if len(r.Plan.VMs) < 2 {
			t.Fatalf("%s", r.Explain())
		}
		compare(t, a, r, 0.25)
	}
}

// Without functions there are enough VMs for all, in each group.
func TestEngineAgreesWithoutFunctions(t *testing.T) {
	a := small(600, 0)
	for i := range a.VMs {
		a.VMs[i].Offer.MemoryGB = 0.5
	}
	a.Functions = nil
	var p planner.Planner
	r := must(p.Plan(a))
	if len(r.Plan.VMs) < 2 {
		t.Fatalf("%s", r.Explain())
	}
	compare(t, a, r, 0.25)
}

// GPUs run batches: 16 rows take hardly longer than one.
func TestEngineAgreesOnBatches(t *testing.T) {
	single := must(profile.LogNormal(ms(4, 8, 12, 16), 0.2))
	for _, rate := range []float64{150, 400, 1500} {
		a := small(rate, 0)
		a.SLO.Latency = 250 * time.Millisecond
		a.VMs = []planner.VM{{
			Offer: provisioner.VMOffer{Name: "gpu", VCPUs: 4, MemoryGB: 16, PerHour: 0.2},
			Slots: 1, Times: must(profile.BatchGain(single, 8)),
		}}
		compare(t, a, plan(t, a), 0.25)
	}
}

// What tables say is carried by 1 to 40 VMs is what the engine has them carry: the share of the
// functions' cost that they save.
func TestEngineAgreesOnTables(t *testing.T) {
	a := small(300, 0)
	a.SLO.Latency, a.VMs, a.Functions = 90*time.Millisecond, a.VMs[:1], a.Functions[1:]
	r := plan(t, a)
	v := r.VMs[0]
	if got := v.Carried.VMs; !slices.Equal(got, []int{1, 2, 4, 8, 16, 32}) {
		t.Errorf("tables of %v VMs", got)
	}
	for _, n := range []int{1, 2, 3, 4, 8, 16, 32, 40} {
		for _, load := range []float64{0.8, 0.93, 1.2} {
			rate := load * float64(n) * v.Saturated
			plan := r.Plan
			plan.VMs = []provisioner.VMGroup{plan.VMs[0]}
			plan.VMs[0].VMs = n
			e := engine(t, a, plan, rate, time.Duration(2e5/rate*float64(time.Second)))
			carried := 1 - e.Dollars.Functions/(v.PerCall*rate*e.Seconds)
			if got := v.Carried.Share(n, rate); math.Abs(got-carried) > 0.015 {
				t.Errorf("%d VMs at a load of %v: %.4f, the engine says %.4f", n, load, got, carried)
			}
		}
	}
}
