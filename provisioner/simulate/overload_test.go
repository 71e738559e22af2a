//go:build !race

package simulate_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// twice is twice the traffic that eight VMs can carry, with nothing else to take over.
func twice(t *testing.T) simulate.Scenario {
	times, err := profile.LogNormal([]time.Duration{20 * ms, 25 * ms, 30 * ms, 40 * ms}, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	reach := []float64{1, 0.6, 0.4, 0.25}
	return simulate.Scenario{
		Stages: 4,
		Plan: provisioner.Plan{
			Reach: reach, VMs: []provisioner.VMGroup{{Stages: stages(0, 3), Offer: vmOffer, VMs: 8}},
		},
		Times:   map[string]profile.Times{"vm": times},
		Traffic: poisson(281, 5*time.Minute),
		Depths:  independent(reach...),
		SLO:     300 * ms, Running: true, Seed: 1,
	}
}

// Under overload most of those that will not be answered are told so at once, and no fewer are
// answered than if all were kept until their deadline.
func TestToldEarly(t *testing.T) {
	s := twice(t)
	told := audit(t, s)
	s.Rules.Without = balancer.Shedding
	kept := audit(t, s)
	lost := told.Requests - told.Answered
	if told.Early < lost*9/10 || told.Told.P50 > 0.1*told.SLO.Seconds {
		t.Errorf("%d of %d told before their deadline, in the median after %v s", told.Early, lost, told.Told.P50)
	}
	if kept.Told.P50 < 0.9*kept.SLO.Seconds {
		t.Errorf("without shedding they are told after %v s in the median: there is nothing to show", kept.Told.P50)
	}
	if float64(told.Answered) < 0.99*float64(kept.Answered) {
		t.Errorf("%d are answered, and %d without shedding", told.Answered, kept.Answered)
	}
}
