package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func TestScenarioRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*simulate.Scenario)
		want  string
	}{
		"a plan that leaves a stage out": {func(s *simulate.Scenario) { s.Plan.Functions = nil }, "nothing serves stage 2"},
		"a plan of another model":        {func(s *simulate.Scenario) { s.Stages = 3 }, "nothing serves stage 3"},
		"no price":                       {func(s *simulate.Scenario) { s.Plan.VMs[0].Offer.PerHour = 0 }, "give its price"},
		"a negative price":               {func(s *simulate.Scenario) { s.Plan.Functions[0].Offer.PerGBSecond = -1 }, "give its prices"},
		"no times for an offer":          {func(s *simulate.Scenario) { delete(s.Times, "vm") }, `no times of 2 stages for offer "vm"`},
		"times of another model":         {func(s *simulate.Scenario) { s.Times["fn"] = fixed(t, ms) }, `no times of 2 stages for offer "fn"`},
		"no stages":                      {func(s *simulate.Scenario) { s.Stages = 0 }, "0 stages: give the number"},
		"too many stages":                {func(s *simulate.Scenario) { s.Stages = math.MaxUint16 }, "65535 stages: give the number"},
		"traffic of nothing": {func(s *simulate.Scenario) {
			s.Traffic = func(*rand.Rand) (traffic.Source, error) { return nil, nil }
		}, "returned nothing"},
		"depths of nothing": {func(s *simulate.Scenario) {
			s.Depths = func(*rand.Rand) (depth.Source, error) { return nil, nil }
		}, "returned nothing"},
		"a world of nothing": {func(s *simulate.Scenario) {
			s.World = func(*rand.Rand) (simulate.World, error) { return nil, nil }
		}, "returned nothing"},
		"no traffic":                    {func(s *simulate.Scenario) { s.Traffic = nil }, "Traffic and Depths"},
		"no depths":                     {func(s *simulate.Scenario) { s.Depths = nil }, "Traffic and Depths"},
		"an SLO below the service time": {func(s *simulate.Scenario) { s.SLO = 9 * ms }, "the first stage alone takes 10ms"},
		"a negative SLO":                {func(s *simulate.Scenario) { s.SLO = -1 }, "nothing negative"},
		"a negative end":                {func(s *simulate.Scenario) { s.Until = -1 }, "nothing negative"},
		"payloads missing":              {func(s *simulate.Scenario) { s.Network.Payload = []int{1} }, "one for each of 2 stages"},
		"a negative payload":            {func(s *simulate.Scenario) { s.Network.Payload = []int{1, -1} }, "none negative"},
		"a negative answer":             {func(s *simulate.Scenario) { s.Network.Answer = -1 }, "none negative"},
		"a run without end":             {func(s *simulate.Scenario) { s.Until = simulate.Never }, "more than a century"},
		"a path without arrival":        {func(s *simulate.Scenario) { s.Network.VM.Latency = simulate.Never }, "bad network: path"},
		"a path back in time":           {func(s *simulate.Scenario) { s.Network.VM.Latency = -1 }, "bad network: path"},
		"a path without end":            {func(s *simulate.Scenario) { s.Network.Function.BitsPerSec = math.NaN() }, "bad network: path"},
		"a path that pays":              {func(s *simulate.Scenario) { s.Network.Function.DollarsPerGB = -0.1 }, "bad network: path"},
		"a group twice": {func(s *simulate.Scenario) {
			s.Plan.VMs = append(s.Plan.VMs, s.Plan.VMs[0])
		}, "two VM groups"},
	} {
		s := split(t)
		c.spoil(&s)
		if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}

// An SLO that only full depth cannot meet is simulated: those requests are shed where it shows.
func TestSLOBelowTheFullPass(t *testing.T) {
	s := split(t)
	s.SLO = 30 * ms
	res := audit(t, s)
	want(t, "answered, late", fmt.Sprint(res.Answered, res.Failed, res.SLO.Within, res.SLO.Met), "1 {0 3 0} 0.25 false")
}

// Errors of traffic and depths come through, with the time they came at.
func TestSourcesThatFail(t *testing.T) {
	broken := errors.New("disk full")
	s := split(t)
	s.Traffic = func(*rand.Rand) (traffic.Source, error) { return nil, broken }
	if _, err := simulate.Run(t.Context(), s); !errors.Is(err, broken) {
		t.Errorf("traffic: %v", err)
	}
	s = split(t)
	s.Depths = func(*rand.Rand) (depth.Source, error) {
		exits, err := depth.NewRecorded(depth.Exits{Model: "another", Stages: []int{0}}, "this", 2)
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("took exits of another model: %v", exits.Reach())
	}
	if _, err := simulate.Run(t.Context(), s); !errors.Is(err, depth.ErrDepth) {
		t.Errorf("depths: %v", err)
	}
	s = split(t)
	s.Traffic = scripted(2*time.Second, time.Second)
	if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) || !strings.Contains(err.Error(), "at 2s: bad scenario: its traffic goes back to 1s") {
		t.Errorf("unsorted: %v", err)
	}
	s = split(t)
	s.Depths = scriptedDepths(2)
	if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) || !strings.Contains(err.Error(), "stage 3 of 2") {
		t.Errorf("too deep: %v", err)
	}
}

func TestRunAll(t *testing.T) {
	var all []simulate.Scenario
	for seed := range uint64(5) {
		s := chaotic(t)
		s.Seed, s.Until, s.Traffic = seed, 10*time.Minute, poisson(200, 10*time.Minute)
		all = append(all, s)
	}
	var last simulate.Progress
	told := 0
	results, err := simulate.RunAll(t.Context(), all, func(p simulate.Progress) {
		if p.Part < last.Part || p.Done < last.Done || p.Part > 1 || p.Runs != 5 || p.Left < 0 {
			t.Errorf("progress %+v after %+v", p, last)
		}
		last = p
		told++
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != 5 || math.Abs(last.Part-1) > 1e-9 || told < 10 {
		t.Errorf("told %d times, at last %+v", told, last)
	}
	for i, s := range all {
		alone, err := simulate.Run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprint("seed ", i), results[i], alone)
	}
	all[3].Stages = 9
	if _, err := simulate.RunAll(t.Context(), all, nil); !errors.Is(err, simulate.ErrScenario) || !strings.Contains(err.Error(), "run 4 of 5, seed 3") {
		t.Errorf("a scenario that cannot be run: %v", err)
	}
}

// One hour of 180 requests a second on two VMs, with a function for what they cannot
// carry in time.
func ExampleRun() {
	times, err := profile.Exponential([]time.Duration{10 * ms, 40 * ms})
	if err != nil {
		fmt.Println(err)
		return
	}
	vm := provisioner.VMOffer{Name: "vm", PerHour: 0.10, Minimum: time.Minute}
	function := provisioner.FunctionOffer{Name: "function", MemoryMB: 1769, PerCall: 2e-7, PerGBSecond: 0.0000166667}
	scenario := simulate.Scenario{
		Stages: 2,
		Plan: provisioner.Plan{ // both stages on two VMs, and what they cannot carry on a function
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 1), Offer: vm, VMs: 2, Slots: 2}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: function}},
			Reach:     []float64{1, 0.25},
		},
		Times:   map[string]profile.Times{"vm": times, "function": times},
		Traffic: func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(180, time.Hour, r) },
		Depths:  func(r *rand.Rand) (depth.Source, error) { return depth.Independent([]float64{1, 0.25}, r) },
		SLO:     300 * ms, Running: true, Seed: 1,
	}
	res, err := simulate.Run(context.Background(), scenario)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f %% within %v s, p99 %.0f ms\n", 100*res.SLO.Within, res.SLO.Seconds, 1000*res.Latency.P99)
	fmt.Printf("$%.3f for VMs, $%.3f for functions, which ran %.1f %% of the stages\n", res.Dollars.VMs, res.Dollars.Functions, 100*res.FunctionShare)
	// Output:
	// 100.0 % within 0.3 s, p99 179 ms
	// $0.200 for VMs, $0.021 for functions, which ran 4.0 % of the stages
}
