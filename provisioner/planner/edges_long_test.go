//go:build !race

package planner_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// Without functions and with batches there is a plan however long the SLO is, with about as many
// VMs as the work fills.
func TestBatchesWithoutFunctionsInMinutes(t *testing.T) {
	single := must(profile.LogNormal(ms(350, 2400), 0.5))
	var p planner.Planner
	for _, slo := range []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, time.Hour} {
		r, err := p.Plan(planner.Ask{
			VMs: []planner.VM{{
				Offer: provisioner.VMOffer{Name: "gpu", VCPUs: 4, MemoryGB: 16, PerHour: 0.8},
				Slots: 1, Times: must(profile.BatchGain(single, 8)),
			}},
			SLO: planner.SLO{Latency: slo}, Traffic: planner.Steady(20, 4), Reach: []float64{1, 0.3},
		})
		if err != nil {
			t.Errorf("%v: %v", slo, err)
			continue
		}
		vms, full := 0, 0.0
		for i, g := range r.Plan.VMs {
			vms += g.VMs
			full += 20 * r.Plan.Reach[g.Stages.First] / r.VMs[i].Saturated
		}
		if float64(vms) < full || float64(vms) > 1.5*full+2 {
			t.Errorf("%v: %d VMs for %.2f full ones: %s", slo, vms, full, r.Explain())
		}
	}
}

// VMs that are paid for anyway cost nothing more in one group or in several: a hop must earn something.
func TestWhatCostsTheSameIsNotSplit(t *testing.T) {
	a := small(10, 0)
	a.VMs, a.Reach = a.VMs[:1], []float64{1, 0.5, 0.25, 0}
	a.VMs[0].Committed, a.VMs[0].Offer.Market = 5, provisioner.Committed
	r := plan(t, a)
	if text := r.Explain(); len(r.Plan.VMs) != 1 || !strings.Contains(text, "Splitting does not pay") || strings.Contains(text, "NaN") {
		t.Errorf("%s", text)
	}
}

// With far more to do than it can, and no function in time for the rest, a VM carries nothing. The rate
// from which it pays is far below that.
func TestFlipsFarBelowFullLoad(t *testing.T) {
	times := must(profile.LogNormal(ms(10), 0.3))
	r := plan(t, planner.Ask{
		VMs: []planner.VM{{Offer: provisioner.VMOffer{Name: "vm", VCPUs: 1, PerHour: 0.01}, Times: times}},
		Functions: []planner.Function{{
			Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 10240, PerGBSecond: 0.0000166667}, Times: times, Cold: time.Second, ColdShare: 1,
		}},
		SLO: planner.SLO{Quantile: 0.9, Latency: 40 * time.Millisecond}, Traffic: planner.Steady(3000, 0),
	})
	if v := r.VMs[0]; r.Plan.VMs[0].VMs < 30 || v.Flips < v.TCIP || v.Flips > 1.1*v.TCIP {
		t.Errorf("%d VMs, %+v", r.Plan.VMs[0].VMs, v)
	}
}

// Within the groups of the best plan the best is that plan; within others it is dearer, and of offers that
// are too slow it says so.
func TestWithin(t *testing.T) {
	for _, rate := range []float64{20, 300, 900} {
		a := small(rate, 0)
		var p planner.Planner
		r := must(p.Plan(a))
		same := must(p.Within(a, r.Plan))
		if x, y := same.Bill.Total(), r.Bill.Total(); math.Abs(x-y) > 1e-9*y || len(same.Plan.VMs) != len(r.Plan.VMs) {
			t.Errorf("%v requests/s: %+v, within its groups %+v", rate, r.Plan, same.Plan)
		}
		if r.PerStage != nil {
			other := must(p.Within(a, r.PerStage.Plan))
			if other.Bill.Total() < r.Bill.Total()*(1-1e-9) || other.Bill.Total() > r.PerStage.Bill.Total()*(1+1e-9) {
				t.Errorf("%v requests/s: one group a stage for %v, within that %v, and the best %v", rate, r.PerStage.Bill, other.Bill, r.Bill)
			}
		}
	}
	a := small(300, 0)
	var p planner.Planner
	plan := must(p.Plan(a)).Plan
	a.SLO.Latency = 10 * time.Millisecond
	if _, err := p.Within(a, plan); !errors.Is(err, planner.ErrSLO) {
		t.Error(err)
	}
	plan.VMs = nil
	plan.Functions = nil
	if _, err := p.Within(a, plan); !errors.Is(err, planner.ErrAsk) {
		t.Error(err)
	}
}
