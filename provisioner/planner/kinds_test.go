//go:build !race

package planner_test

import (
	"errors"
	"math"
	"testing"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// What a planner says of the groups of its own plan is what the plan was made by.
func TestKindsOfItsOwnPlan(t *testing.T) {
	for _, rate := range []float64{300, 900} {
		a := small(rate, 0)
		var p planner.Planner
		r := must(p.Plan(a))
		kinds, err := p.Kinds(a, r.Plan, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, all := range kinds {
			k, f := all[0], r.VMs[i]
			if k.VMGroup != r.Plan.VMs[i] || math.Abs(k.Saturated-f.Saturated) > 1e-9 || math.Abs(k.PerCall-f.PerCall) > 1e-3*f.PerCall {
				t.Errorf("%+v: figures %+v", k, f)
			}
			if math.Abs(k.PerSecond/k.PerCall-f.TCIP) > 1e-3*f.TCIP || !(k.FullPass < k.Saturated) {
				t.Errorf("%+v: T-CIP %v", k, f.TCIP)
			}
			if got, want := k.Carried.Share(2, f.Rate), f.Carried.Share(2, f.Rate); got != want {
				t.Errorf("2 VMs carry %v, planned %v", got, want)
			}
			if len(all) != 2 || all[1].Offer.Name == k.Offer.Name || all[1].VMs != 0 || all[1].Stages != k.Stages {
				t.Errorf("others: %+v", all[1:])
			}
		}
	}
}

// A plan that somebody else has made, without functions: nothing takes over.
func TestKindsOfAnotherPlan(t *testing.T) {
	a := small(300, 0)
	var p planner.Planner
	plan := must(p.Plan(a)).Plan
	plan.Functions = nil
	kinds, err := p.Kinds(a, plan, 0)
	if err != nil || len(kinds[0]) != 1 || kinds[0][0].PerCall != 0 {
		t.Errorf("%+v, %v", kinds, err)
	}
	plan.VMs[0].Offer.Name = "nobody's"
	if _, err := p.Kinds(a, plan, 0); !errors.Is(err, planner.ErrAsk) {
		t.Errorf("an offer that the question has not: %v", err)
	}
	a.VMs[0].Offer.MemoryGB, a.VMs[1].Offer.MemoryGB = 0.1, 0.1
	plan.VMs[0].Offer = a.VMs[0].Offer
	if _, err := p.Kinds(a, plan, 0); !errors.Is(err, planner.ErrFit) {
		t.Errorf("too small: %v", err)
	}
}
