package simulate_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// fates is a world in which the first launches are refused, the first VMs go the given ways,
// and all others are perfect. Only the first launch is not answered at once.
type fates struct {
	simulate.World
	launches *int // counts them
	answer   time.Duration
	refused  int
	first    []simulate.Life
}

func (w *fates) Launch(_ time.Duration, _ provisioner.VMOffer, n int) simulate.Launch {
	if w.launches != nil {
		*w.launches++
	}
	l := simulate.Launch{Answer: w.answer}
	w.answer = 0
	if w.refused > 0 {
		w.refused--
		l.Err = errors.New("refused")
		return l
	}
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

	// It is known to be gone when the answer names it.
	res = audit(t, fated(t, 1, 10*time.Second, seconds(60, 0, 5)))
	want(t, "lost before the launch is answered", outcome(res), "2 of 2 answered, 2 launched, 190 VM-seconds")

	s := fated(t, 2, 50*time.Second, seconds(10, 0, 20), seconds(55, 0, 0))
	s.Limits = provisioner.Limits{VMs: 3, PerHour: math.Inf(1), PerDay: math.Inf(1)}
	want(t, "one of two lost before the answer", outcome(audit(t, s)), "2 of 2 answered, 3 launched, 400 VM-seconds")
}

// A draining VM is ended, and another takes its place, as soon as it has nothing in hand:
// also if what it had last is on its way back, in time or too late. The request is sent at
// 970 ms, and its VM has its notice at 1 s and has run it at 1,035 ms, for 15 ms longer than
// expected, so that it was not handed back. Its reply is there at 1,055 ms, after 85 ms.
func TestIdleWithAReplyOnItsWay(t *testing.T) {
	for slo, answered := range map[time.Duration]int{95 * ms: 2, 75 * ms: 0} {
		s := fated(t, 1, 0, simulate.Life{Notice: time.Second, Lost: simulate.Never})
		s.Times["vm"] = slower{fixed(t, 30*ms)}
		s.Network.VM.Latency = 20 * ms
		s.Traffic, s.Running, s.SLO = scripted(970*ms, 10*time.Second), true, slo
		want(t, fmt.Sprint("SLO ", slo), outcome(audit(t, s)), fmt.Sprintf("%d of 2 answered, 2 launched, 200 VM-seconds", answered))
	}
}

// slower is what takes half as long again as is expected of it.
type slower struct{ profile.Times }

func (s slower) Draw(stage, rows int, _ *rand.Rand) time.Duration { return s.Mean(stage, rows) * 3 / 2 }

// A reach of 0 is a plan's: nobody is expected there.
func TestNobodyIsExpected(t *testing.T) {
	s := split(t)
	s.Plan.Reach = []float64{1, 0}
	want(t, "answered all the same", audit(t, s).Answered, 4)
}

// VMs that are there at the start keep to the limits too: each group has as many as what those
// before it have left will pay for. Committed ones cost nothing more.
func TestRunningWithinPerHour(t *testing.T) {
	for name, c := range map[string]struct {
		market  provisioner.Market // of the first group
		perHour float64            // of its VMs; the second's cost 0.10
		limits  provisioner.Limits
		want    [2]int
	}{
		"all fit":                          {provisioner.OnDemand, 0.30, provisioner.Limits{VMs: 4, PerHour: 0.80}, [2]int{2, 2}},
		"as many as there may":             {provisioner.OnDemand, 0.30, provisioner.Limits{VMs: 3, PerHour: 0.80}, [2]int{2, 1}},
		"one of each":                      {provisioner.OnDemand, 0.30, provisioner.Limits{VMs: 4, PerHour: 0.40}, [2]int{1, 1}},
		"what a dear one would not fit in": {provisioner.OnDemand, 0.80, provisioner.Limits{VMs: 4, PerHour: 1}, [2]int{1, 2}},
		"none of the dear ones":            {provisioner.OnDemand, 0.80, provisioner.Limits{VMs: 4, PerHour: 0.20}, [2]int{0, 2}},
		"committed ones are paid":          {provisioner.Committed, 0.80, provisioner.Limits{VMs: 4, PerHour: 0.10}, [2]int{2, 1}},
	} {
		s := fated(t, 2, 0)
		first, second := vmOffer, vmOffer
		first.Name, first.PerHour, first.Market = "first", c.perHour, c.market
		second.Name, second.PerHour = "second", 0.10
		s.Stages, s.Depths, s.Traffic = 2, scriptedDepths(1), scripted()
		s.Plan = provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stages(0, 0), Offer: first, VMs: 2}, {Stages: stages(1, 1), Offer: second, VMs: 2}}}
		s.Times["first"], s.Times["second"] = fixed(t, 10*ms, 10*ms), fixed(t, 10*ms, 10*ms)
		c.limits.PerDay = 100
		s.Running, s.Until, s.Limits = true, 0, c.limits
		launched := 0
		s.World = func(*rand.Rand) (simulate.World, error) { return &fates{launches: &launched}, nil }
		res := audit(t, s)
		want(t, name, [2]int{res.VMs[0].Launched, res.VMs[1].Launched}, c.want)
		want(t, name+": they are there, not launched", launched, c.want[0]+c.want[1])
	}
}

// A launch that is refused is refused once, also if it is asked for again before the answer.
func TestRefusedOnce(t *testing.T) {
	launches := 0
	s := fated(t, 1, 0)
	s.World = func(*rand.Rand) (simulate.World, error) {
		return &fates{launches: &launches, answer: 90 * time.Second, refused: 1}, nil
	}
	// Asked for at 0 and, with the same token, at 60 s; refused then, and in doubt until a list
	// at 120 s; asked for anew after 5 s.
	want(t, "outcome", outcome(audit(t, s)), "1 of 2 answered, 1 launched, 75 VM-seconds")
	want(t, "the world was asked", launches, 2)
}
