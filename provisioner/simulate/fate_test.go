package simulate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// fates is a world in which the first VMs go the given ways, and all others are perfect.
type fates struct {
	simulate.World
	answer time.Duration
	first  []simulate.Life
}

func (w *fates) Launch(_ time.Duration, _ provisioner.VMOffer, n int) simulate.Launch {
	l := simulate.Launch{Answer: w.answer}
	w.answer = 0
	for range n {
		life := simulate.Life{Notice: simulate.Never, Lost: simulate.Never}
		if len(w.first) > 0 {
			life, w.first = w.first[0], w.first[1:]
		}
		l.VMs = append(l.VMs, life)
	}
	return l
}

// fated has so many VMs for one stage of 10 ms, for 200 s.
func fated(t *testing.T, vms int, answer time.Duration, first ...simulate.Life) simulate.Scenario {
	return simulate.Scenario{
		Stages: 1,
		Plan:   provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stages(0, 0), Offer: vmOffer, VMs: vms}}},
		Times:  map[string]profile.Times{"vm": fixed(t, 10*ms)},
		World: func(*rand.Rand) (simulate.World, error) {
			return &fates{answer: answer, first: append([]simulate.Life(nil), first...)}, nil
		},
		Traffic: scripted(20*time.Second, 125*time.Second), Depths: scriptedDepths(0), Until: 200 * time.Second,
	}
}

func outcome(res simulate.Result) string {
	return fmt.Sprintf("%d of %d answered, %d launched, %.0f VM-seconds", res.Answered, res.Requests, res.VMs[0].Launched, res.VMs[0].VMSeconds)
}

// What a VM comes to in an unlucky moment costs no other VM its place.
func TestFates(t *testing.T) {
	seconds := func(boot, notice, lost time.Duration) simulate.Life {
		at := func(s time.Duration) time.Duration {
			if s == 0 {
				return simulate.Never
			}
			return s * time.Second
		}
		return simulate.Life{Boot: at(boot), Notice: at(notice), Lost: at(lost)}
	}
	// It is ended at its notice, and another takes its place.
	res := audit(t, fated(t, 1, 0, seconds(60, 10, 130)))
	want(t, "taken back while it boots", outcome(res), "2 of 2 answered, 2 launched, 200 VM-seconds")

	// It is known to be gone when the answer names it. The fleet does not know for how long it lived.
	res, _, err := simulate.Audit(t.Context(), fated(t, 1, 10*time.Second, seconds(60, 0, 5)))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "lost before the launch is answered", outcome(res), "2 of 2 answered, 2 launched, 190 VM-seconds")

	s := fated(t, 2, 50*time.Second, seconds(10, 0, 20), seconds(55, 0, 0))
	s.Limits = provisioner.Limits{VMs: 3, PerHour: math.Inf(1), PerDay: math.Inf(1)}
	want(t, "one of two lost before the answer", outcome(audit(t, s)), "2 of 2 answered, 3 launched, 400 VM-seconds")
}

// A draining VM is ended as soon as it has nothing in hand, also if what it had last ran
// out of time on its way back.
func TestIdleWithAReplyOnItsWay(t *testing.T) {
	for _, slo := range []time.Duration{95 * ms, 65 * ms} { // the reply is back after 70 ms
		s := fated(t, 1, 0, simulate.Life{Notice: time.Second, Lost: simulate.Never})
		s.Times["vm"] = fixed(t, 30*ms)
		s.Network.VM.Latency = 20 * ms
		s.Traffic, s.Running, s.SLO = scripted(970*ms, 10*time.Second), true, slo
		want(t, fmt.Sprint("SLO ", slo), audit(t, s).VMs[0].Launched, 2)
	}
}

// A reach of 0 is a plan's: nobody is expected there.
func TestNobodyIsExpected(t *testing.T) {
	s := split(t)
	s.Plan.Reach = []float64{1, 0}
	want(t, "answered all the same", audit(t, s).Answered, 4)
}

func TestRunningWithinPerHour(t *testing.T) {
	s := fated(t, 5, 0)
	s.Running, s.Limits = true, provisioner.Limits{VMs: 10, PerHour: 2 * vmOffer.PerHour, PerDay: 100}
	want(t, "VMs", audit(t, s).VMs[0].Launched, 2)
}

// Fleets of centuries of slots, and batches and ways without end, do not overflow.
func TestNothingOverflows(t *testing.T) {
	s := fated(t, 100, 0)
	s.Plan.VMs[0].Slots, s.Running, s.Until = 128, true, 14*24*time.Hour
	if u := audit(t, s).VMs[0].Utilisation; u <= 0 || u > 1 {
		t.Errorf("utilisation %v", u)
	}
	for _, on := range []string{"vm", "fn"} {
		s := fated(t, 1, 0)
		if on == "fn" {
			s.Plan = provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stages(0, 0), Offer: fnOffer}}}
			s.World = nil
		}
		s.Times[on] = endless{fixed(t, 10*ms)}
		s.SLO, s.Until = 100*ms, 0
		s.Observe = func(o simulate.Outcome) {
			if o.Err == nil || o.Ended > o.Arrived+100*ms || o.Worked < 0 {
				t.Errorf("%s: %+v", on, o)
			}
		}
		if res := audit(t, s); res.Dollars.Total < 0 || res.Requests != 2 {
			t.Errorf("%s: %+v", on, res)
		}
	}
	s = fated(t, 1, 0)
	s.Network = provisioner.Network{VM: provisioner.Path{BitsPerSec: 1e-300}, Payload: []int{1500}, Answer: 40}
	s.Running, s.SLO = true, time.Second
	want(t, "nothing gets there", audit(t, s).Answered, 0)
}

// endless is what never comes back.
type endless struct{ profile.Times }

func (endless) Draw(int, int, *rand.Rand) time.Duration { return math.MaxInt64 }
