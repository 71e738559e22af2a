//go:build !race

package simulate_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/stage"
)

// steadily is a policy that wants what the plan says.
type steadily struct{}

func (steadily) Name() string { return "steadily" }
func (steadily) Decide(_ time.Duration, o policy.Observation) (d policy.Decision) {
	for _, g := range o.Groups {
		d.Groups = append(d.Groups, policy.Order{VMs: float64(g.Ready)})
	}
	return d
}

// drifting is a model of three stages: at first few requests reach the last one, which is on a function alone, and
// after an hour all do. Then the plan that it moves to has VMs of an offer for all stages.
func drifting(t *testing.T, next provisioner.VMOffer) simulate.Scenario {
	vm, fn := vmOffer, fnOffer
	vm.PerHour, vm.Minimum = 0.36, time.Minute
	whole := stage.Range{Last: 2}
	functions := []provisioner.FunctionGroup{{Stages: whole, Offer: fn}}
	times := fixed(t, 20*ms, 20*ms, 20*ms)
	s := simulate.Scenario{
		Stages: 3, SLO: 2 * time.Second,
		Plan: provisioner.Plan{
			Reach: []float64{1, 0.5, 0.1}, Functions: functions,
			VMs: []provisioner.VMGroup{{Stages: stages(0, 1), Offer: vm, VMs: 3}},
		},
		Times: map[string]profile.Times{vm.Name: times, fn.Name: times, "other": times},
		Depths: func(r *rand.Rand) (depth.Source, error) {
			reach, err := depth.Ramp([]float64{1, 0.5, 0.1}, []float64{1, 1, 1}, time.Hour, time.Hour+time.Minute)
			return depth.New(depth.Uniform(r), reach), err
		},
		World:   world(mock.Config{Boot: mock.Spread{Median: time.Minute}}),
		Traffic: poisson(20, 3*time.Hour), Running: true, Until: 3 * time.Hour, Seed: 5, Detail: time.Minute,
	}
	plan := provisioner.Plan{
		Reach: []float64{1, 1, 1}, Functions: functions,
		VMs: []provisioner.VMGroup{{Stages: whole, Offer: next, VMs: 4}},
	}
	groups := func(p provisioner.Plan) []control.Group {
		return control.Supposed(provisioner.Expect{Plan: p, Times: s.Times}, 3, time.Minute)
	}
	s.Loop = func() (*control.Loop, error) {
		return control.New(control.Config{
			Policy: steadily{}, Groups: groups(s.Plan), Reach: s.Plan.Reach, Limits: provisioner.Limits{VMs: 20, PerHour: 20, PerDay: 1000},
		})
	}
	s.Replan = func(_ time.Duration, d control.Drift) (provisioner.Plan, []control.Group, bool) {
		if d.Reach[2] < 0.5 {
			t.Errorf("another plan for %v", d.Reach)
		}
		return plan, groups(plan), true
	}
	return s
}

// When reach leaves its band a run moves to another plan as a service does: three VMs go on with all stages, one is
// launched, and no request fails. On another offer four are launched beside the three, and so more is billed.
func TestReplanReusesVMs(t *testing.T) {
	same := vmOffer
	same.PerHour, same.Minimum = 0.36, time.Minute
	other := same
	other.Name = "other"
	var lived, dollars []float64
	for _, offer := range []provisioner.VMOffer{same, other} {
		s := drifting(t, offer)
		res := audit(t, s)
		launched, seconds := 0, 0.0
		for _, g := range res.VMs {
			launched += g.Launched
			seconds += g.VMSeconds
		}
		lived, dollars = append(lived, seconds), append(dollars, res.Dollars.VMs)
		if len(res.VMs) != 2 || res.VMs[1].Stages != "stages 1-3" || res.VMs[1].Requests == 0 || res.VMs[1].VMSeconds < 4*3600 {
			t.Fatalf("%s: it has not moved: %+v", offer.Name, res.VMs)
		}
		if want := map[string]int{"vm": 4, "other": 7}[offer.Name]; launched != want {
			t.Errorf("%s: %d VMs launched, want %d", offer.Name, launched, want)
		}
		if res.Answered != res.Requests || res.SLO.Within < 0.999 {
			t.Errorf("%s: %d of %d answered, %v in time", offer.Name, res.Answered, res.Requests, res.SLO.Within)
		}
		moved := false
		for _, x := range res.Samples {
			if len(x.Groups) != 3 {
				t.Fatalf("a sample of %d groups", len(x.Groups))
			}
			moved = moved || x.Groups[1].VMs > 0
			if n := x.Groups[0].VMs + x.Groups[1].VMs; n < 3 || n > map[string]int{"vm": 4, "other": 7}[offer.Name] {
				t.Errorf("%s: %d VMs", offer.Name, n)
			}
		}
		if last := res.Samples[len(res.Samples)-1]; !moved || last.Groups[0].VMs != 0 || last.Groups[1].VMs != 4 {
			t.Errorf("%s: in the end %+v", offer.Name, last)
		}
		if again := audit(t, s); again.Requests != res.Requests || again.Dollars != res.Dollars {
			t.Errorf("%s: another result of the same seed", offer.Name)
		}
	}
	// Three VMs less, for the minute and more that the others boot beside them, and each one's first minute.
	if saved := lived[1] - lived[0]; saved < 3*60 || saved > 3*120 || dollars[0] >= dollars[1] {
		t.Errorf("VM-seconds %v, dollars %v", lived, dollars)
	}
	t.Logf("VM-seconds %v, dollars %v", lived, dollars)
}

// A plan that cannot be is an error, and one that is not given leaves all as it is.
func TestReplanRefused(t *testing.T) {
	s := drifting(t, vmOffer)
	replan := s.Replan
	s.Replan = func(now time.Duration, d control.Drift) (provisioner.Plan, []control.Group, bool) {
		p, groups, _ := replan(now, d)
		p.VMs[0].Stages.Last = 7
		return p, groups, true
	}
	if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) || !errors.Is(err, provisioner.ErrPlan) {
		t.Error(err)
	}
	asked := 0
	s.Replan = func(time.Duration, control.Drift) (p provisioner.Plan, groups []control.Group, ok bool) {
		asked++
		return p, groups, false
	}
	if res := audit(t, s); len(res.VMs) != 1 || asked < 5 || asked > 13 {
		t.Errorf("asked %d times: %+v", asked, res.VMs)
	}
}

// VMs that die, do not start or are not granted while requests move, or before: they are replaced, the bill is the
// fleet's own, and hardly a request is late.
func TestReplanInBadClouds(t *testing.T) {
	minute := mock.Spread{Median: time.Minute}
	for name, c := range map[string]mock.Config{
		"slow answers": {Boot: minute, Answer: mock.Spread{Median: 40 * time.Second, P99: 3 * time.Minute}},
		"refusals":     {Boot: minute, Insufficient: 0.8},
		"dead at boot": {Boot: minute, Unregistered: 0.5},
		"crashes":      {Boot: minute, Crashes: 20},
	} {
		s := drifting(t, vmOffer)
		s.Plan.VMs[0].Offer = vmOffer
		s.World = world(c)
		res := audit(t, s)
		if len(res.VMs) != 2 || res.VMs[1].Requests < res.Requests/2 || res.SLO.Within < 0.99 {
			t.Errorf("%s: %v in time, %+v, VMs %+v", name, res.SLO.Within, res.Failed, res.VMs)
		}
	}
}
