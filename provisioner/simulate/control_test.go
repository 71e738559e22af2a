//go:build !race

package simulate_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// controlled is a model of two stages, of which half of the requests reach the second, with VMs
// that boot for a minute and a function that takes over; a day from 1 request a second to
// 11 and back. A request takes 200 ms, so a VM of one slot carries 5 a second; on the function it
// costs $4.2e-6, so that a VM of $0.036 an hour pays from 2.4.
func controlled(t *testing.T, p func() policy.Policy) simulate.Scenario {
	vm, fn := vmOffer, fnOffer
	vm.PerHour = 0.036
	s := simulate.Scenario{
		Stages: 2, SLO: 2 * time.Second,
		Plan: provisioner.Plan{
			Reach:     []float64{1, 0.5},
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 1), Offer: vm, VMs: 1}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: fn}},
		},
		Times:  map[string]profile.Times{"vm": fixed(t, 100*ms, 200*ms), "fn": fixed(t, 100*ms, 200*ms)},
		Depths: independent(1, 0.5),
		World:  world(mock.Config{Boot: mock.Spread{Median: time.Minute}}),
		Traffic: func(r *rand.Rand) (traffic.Source, error) {
			return traffic.Varying(traffic.Daily(6, 0.85, 12*time.Hour), 24*time.Hour, r)
		},
		Running: true, Until: 24 * time.Hour, Seed: 3,
	}
	return follow(s, p)
}

// follow has a scenario follow a policy.
func follow(s simulate.Scenario, p func() policy.Policy) simulate.Scenario {
	groups := control.Supposed(provisioner.Expect{Plan: s.Plan, Times: s.Times, Network: s.Network}, s.Stages, time.Minute)
	for i := range groups {
		groups[i].Offers[0].Carried = nil // there is time to wait: as much as VMs can
	}
	s.Loop = func() (*control.Loop, error) {
		return control.New(control.Config{Policy: p(), Groups: groups, Limits: provisioner.Limits{VMs: 100, PerHour: 100, PerDay: 1000}})
	}
	return s
}

func policies() []func() policy.Policy {
	return []func() policy.Policy{
		func() policy.Policy { return &policy.CostOptimal{} },
		func() policy.Policy { return &policy.Serflow{} },
		func() policy.Policy { return &policy.Libra{} },
		func() policy.Policy { return policy.FunctionsOnly{} },
	}
}

// The fleet follows the traffic with any policy, at the engine's own bill: the default one costs
// at least 30 % less than functions alone, and 15 % less than any number of VMs that stays.
func TestPoliciesUnderVirtualTime(t *testing.T) {
	dollars := map[string]float64{}
	for _, p := range policies() {
		s := controlled(t, p)
		res := audit(t, s)
		if res.SLO.Within < 0.999 || !res.SLO.Met {
			t.Errorf("%s: %v in time, %+v", res.Scaling.Policy, res.SLO.Within, res.SLO)
		}
		t.Logf("%s: %+v, VMs %+v, functions had %.3f", res.Scaling.Policy, res.Dollars, *res.Scaling, res.FunctionShare)
		dollars[res.Scaling.Policy] = res.Dollars.Total
	}
	least := math.Inf(1)
	for vms := 0; vms <= 3; vms++ {
		s := controlled(t, policies()[0])
		s.Loop = nil
		s.Plan.VMs[0].VMs = vms
		least = min(least, audit(t, s).Dollars.Total)
	}
	t.Logf("the best number of VMs that stays: %v", least)
	if best := dollars["CostOptimal"]; best > 0.7*dollars["FunctionsOnly"] || best > 0.85*least {
		t.Errorf("CostOptimal costs %v, functions alone %v, and the best fixed fleet %v", best, dollars["FunctionsOnly"], least)
	}
}

// One seed gives one result.
func TestControlIsDeterministic(t *testing.T) {
	var lines [2][]string
	var results [2]simulate.Result
	for i := range 2 {
		s := controlled(t, policies()[0])
		s.Said = func(now time.Duration, l control.Line) { lines[i] = append(lines[i], fmt.Sprint(now, l)) }
		results[i] = audit(t, s)
	}
	if !reflect.DeepEqual(results[0], results[1]) || !reflect.DeepEqual(lines[0], lines[1]) || len(lines[0]) < 3 {
		t.Errorf("%+v and %+v", results, lines)
	}
	if !strings.Contains(lines[0][1], "least cost, at ") {
		t.Errorf("no reason: %q", lines[0])
	}
}

// A policy that rations VMs sends them no more than that, though they have room.
func TestRation(t *testing.T) {
	s := controlled(t, func() policy.Policy { return rationing{} })
	s.Traffic = poisson(9, 10*time.Hour)
	s.Until = 10 * time.Hour
	res := audit(t, s)
	onVMs := float64(res.Requests) - float64(res.Functions[0].Calls)
	if onVMs < 4.9*36000 || onVMs > 5*36000+60 {
		t.Errorf("VMs had %v requests in ten hours, for a ration of 5 a second", onVMs)
	}
}

type rationing struct{}

func (rationing) Name() string { return "rationing" }
func (rationing) Decide(time.Duration, policy.Observation) policy.Decision {
	return policy.Decision{Groups: []policy.Order{{VMs: 4, Rationed: true, Ration: 5}}}
}

// Clouds in which all goes wrong cost money and time, but few answers: functions make up for
// them. Nothing is lost or billed twice.
func TestControlInBadClouds(t *testing.T) {
	minute := mock.Spread{Median: time.Minute}
	for name, c := range map[string]mock.Config{
		"slow answers": {Boot: minute, Answer: mock.Spread{Median: 40 * time.Second, P99: 3 * time.Minute}},
		"no answers":   {Boot: minute, LostAnswers: 0.5},
		"refusals":     {Boot: minute, Insufficient: 0.8},
		"halves":       {Boot: minute, HalfGranted: 1},
		"dead at boot": {Boot: minute, Unregistered: 0.5},
		"crashes":      {Boot: minute, Crashes: 6},
		"an outage":    {Boot: minute, Outages: []mock.Window{{From: 6 * time.Hour, To: 12 * time.Hour}}},
		"everything": {
			Boot: mock.Spread{Median: time.Minute, P99: 5 * time.Minute}, Answer: mock.Spread{Median: 5 * time.Second, P99: time.Minute},
			LostAnswers: 0.2, Insufficient: 0.3, HalfGranted: 0.5, Unregistered: 0.2, Crashes: 2,
		},
	} {
		s := controlled(t, policies()[0])
		s.World = world(c)
		s.Limits = provisioner.Limits{VMs: 4, PerHour: 1, PerDay: 10}
		res := audit(t, s)
		t.Logf("%s: %v in time, %+v, %+v, launched %d", name, res.SLO.Within, res.Dollars, *res.Scaling, res.VMs[0].Launched)
		if res.SLO.Within < 0.99 {
			t.Errorf("%s: %v in time, %+v", name, res.SLO.Within, res.Failed)
		}
	}
}

// Spot VMs that are taken back four times an hour, with notice, are drained and replaced, and hardly
// an answer is lost.
func TestControlOnSpot(t *testing.T) {
	s := controlled(t, policies()[0])
	s.Plan.VMs[0].Offer.Market = provisioner.Spot
	s = follow(s, policies()[0])
	s.World = world(mock.Config{Boot: mock.Spread{Median: time.Minute}, Interruptions: 4})
	res := audit(t, s)
	if res.SLO.Within < 0.999 || res.VMs[0].Launched < 8 {
		t.Errorf("%v in time, %d launched", res.SLO.Within, res.VMs[0].Launched)
	}
}

// A loop over what the scenario has no times for is refused.
func TestBadLoop(t *testing.T) {
	for name, loop := range map[string]func() (*control.Loop, error){
		"nothing": func() (*control.Loop, error) { return nil, nil },
		"no times": func() (*control.Loop, error) {
			o := control.Offer{VMGroup: provisioner.VMGroup{Stages: stages(0, 1), Offer: provisioner.VMOffer{Name: "other", PerHour: 1}}}
			o.Saturation = 1
			return control.New(control.Config{Groups: []control.Group{{Offers: []control.Offer{o}}}})
		},
	} {
		s := controlled(t, policies()[0])
		s.Loop = loop
		if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// listener hears what a policy is told.
type listener struct {
	policy.CostOptimal
	came, called, served int
}

func (l *listener) Decide(now time.Duration, o policy.Observation) policy.Decision {
	g := o.Groups[0]
	for _, n := range g.Counts.Each {
		l.came += max(n, 0)
	}
	l.called += g.Called
	l.served = max(l.served, g.Serving)
	return l.CostOptimal.Decide(now, o)
}

// A policy is told of each call of a function, but for hedges, and how many VMs serve beside.
func TestPoliciesHearOfCalls(t *testing.T) {
	var l listener
	res := audit(t, controlled(t, func() policy.Policy { return &l }))
	f := res.Functions[0]
	if calls := f.Calls + f.Throttled - f.Hedges; calls < 1000 || l.called < calls-20 || l.called > calls || l.came < res.Requests-200 || l.served < 2 {
		t.Errorf("told of %d requests and %d calls, beside %d VMs: %d requests, %d calls", l.came, l.called, l.served, res.Requests, calls)
	}
}
