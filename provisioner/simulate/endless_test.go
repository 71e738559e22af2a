package simulate_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// Fleets of centuries of slots, and batches and ways without end, do not overflow.
func TestNothingOverflows(t *testing.T) {
	s := fated(t, 2, 0)
	s.Plan.VMs[0].Slots, s.Running, s.Until = 10_000, true, 14*24*time.Hour
	if u := audit(t, s).VMs[0].Utilisation; u <= 0 || u > 1 {
		t.Errorf("utilisation %v", u)
	}
	s = fated(t, 10_000, 0)
	s.Running, s.Until, s.Patience.List = true, 14*24*time.Hour, 30*24*time.Hour
	want(t, "VM-seconds of 383 years", audit(t, s).VMs[0].VMSeconds, 10_000*14*86400.0)
	for _, on := range []string{"vm", "fn"} {
		s := fated(t, 1, 0)
		if on == "fn" {
			s.Plan = provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: fnOffer}}}
			s.Stages, s.Depths, s.World = 2, scriptedDepths(1), nil
		}
		s.Times[on] = endless{fixed(t, slices.Repeat([]time.Duration{10 * ms}, s.Stages)...)}
		s.SLO, s.Until, s.Traffic = 100*ms, 0, scripted(0, time.Second, 2*time.Second, 3*time.Second)
		s.Observe = func(o simulate.Outcome) {
			if o.Err == nil || o.Ended > o.Arrived+100*ms || o.Worked < 0 {
				t.Errorf("%s: %+v", on, o)
			}
		}
		res := audit(t, s)
		if res.Dollars.Total < 0 || res.Requests != 4 {
			t.Errorf("%s: %+v", on, res)
		}
		for _, f := range res.Functions {
			want(t, "calls of a century", f.BilledSeconds, float64(f.Calls)*100*365*86400)
		}
	}
}

// Ways, stages and tries without end are waited for as long as there is time.
func TestNothingEnds(t *testing.T) {
	const year = 365 * 24 * time.Hour
	far := func(latency time.Duration) simulate.Scenario {
		s := fated(t, 1, 0)
		s.Network = provisioner.Network{VM: provisioner.Path{Latency: latency, BitsPerSec: 1e-300}, Payload: []int{1500}, Answer: 40}
		s.Running, s.Patience.List = true, year
		return s
	}
	for _, latency := range []time.Duration{0, 100 * year} {
		s := far(latency)
		s.SLO = time.Second
		want(t, "nothing gets there", audit(t, s).Answered, 0)
		s.SLO, s.Rules.Tries = 0, 3
		want(t, "nor in two centuries", audit(t, s).Failed.Tries, 2)
	}
	s := far(0)
	s.Network, s.Traffic = provisioner.Network{VM: provisioner.Path{Latency: 35 * year}}, scripted(0, time.Second, 2*time.Second, 3*time.Second, 4*time.Second)
	want(t, "after a lifetime, on average", math.Round(audit(t, s).Latency.Mean), 70*365*86400.0)
	s = fated(t, 1, 0)
	s.Rules.Tries = 3
	s.Times["vm"], s.Running, s.Patience.List = fixed(t, math.MaxInt64), true, year
	want(t, "a stage without end", audit(t, s).Failed.Tries, 2)

	for name, c := range map[string]struct {
		spoil func(s *simulate.Scenario)
		want  string
	}{
		"tries":   {func(s *simulate.Scenario) { s.Rules.Tries = 10 }, "2 requests would not end within 2190000h0m0s"},
		"traffic": {func(s *simulate.Scenario) { s.Traffic = scripted(280 * year) }, "goes on until 2452800h0m0s"},
	} {
		s := far(0)
		c.spoil(&s)
		if _, err := simulate.Run(t.Context(), s); !errors.Is(err, simulate.ErrScenario) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s without end: error %v, want one about %q", name, err, c.want)
		}
	}
}

// endless is what never comes back.
type endless struct{ profile.Times }

func (endless) Draw(int, int, *rand.Rand) time.Duration { return math.MaxInt64 }
