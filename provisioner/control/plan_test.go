package control_test

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
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

// By hand: VMs for the second of four stages; the first and the last two are on functions of a dollar
// a call that cost nothing else. Of the requests before stage 3, half go on to the function of stage 4.
func TestElsewhere(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	of := func(first, last int) stage.Range { return stage.Range{First: first, Last: last} }
	f := provisioner.FunctionOffer{Name: "f", MemoryMB: 1024, PerCall: 1}
	plan := provisioner.Plan{
		Reach:     []float64{1, 0.8, 0.4, 0.2},
		VMs:       []provisioner.VMGroup{{Stages: of(1, 1), Offer: small, VMs: 1}},
		Functions: []provisioner.FunctionGroup{{Stages: of(0, 1), Offer: f}, {Stages: of(2, 2), Offer: f}, {Stages: of(3, 3), Offer: f}},
	}
	e := provisioner.Expect{Plan: plan, Times: map[string]profile.Times{"small": times, "f": times}}
	got := control.Elsewhere(e, 4)
	want(t, "dollars", got, []float64{1, 0, 1.5, 0})

	l, err := control.New(control.Config{Limits: ample, Groups: control.Supposed(e, 4, time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	s := control.NewShadow(l)
	s.Elsewhere(got)
	n := []int{10, 8, 4, 2}
	for now := time.Duration(0); now <= 10*time.Second; now += 10 * time.Second {
		s.Step(now, func() (seen control.Seen) {
			for k := range n {
				seen.Counts = append(seen.Counts, estimate.Counts{Each: []int{n[k]}})
			}
			return seen
		})
	}
	// Twice: 10 requests at 1 dollar, 4 at 1.5, and of the group's 8, which no VM is ready for, the first
	// call goes no further than its function does.
	if b := s.Bill(); math.Abs(b.Alone-b.Functions) > 1e-9 || b.Alone < 2*(10+6) || b.Alone > 2*(10+6+8) {
		t.Errorf("%+v", b)
	}
}
