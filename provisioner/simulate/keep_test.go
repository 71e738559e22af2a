package simulate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// uncertain are two stages of a mean time each, which take up to another, and now take a third.
type uncertain struct{ mean, longest, now time.Duration }

func (u uncertain) Stages() int                              { return 2 }
func (u uncertain) Mean(int, int) time.Duration              { return u.mean }
func (u uncertain) Quantile(int, int, float64) time.Duration { return u.longest }
func (u uncertain) Draw(stage, _ int, _ *rand.Rand) time.Duration {
	if stage == 0 {
		return u.now
	}
	return u.mean
}

// A function that may take 100 ms is no help within 70, so the request is told to stay at its VM; it
// does so although the first stage has left it less than the second may take.
func TestKeptRowsStay(t *testing.T) {
	r, err := simulate.Run(t.Context(), simulate.Scenario{
		Stages: 2, SLO: 70 * ms, Traffic: scripted(0), Depths: scriptedDepths(1), Running: true,
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 1), Offer: vmOffer, VMs: 1}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: fnOffer}},
		},
		Times: map[string]profile.Times{"vm": uncertain{10 * ms, 40 * ms, 40 * ms}, "fn": uncertain{20 * ms, 100 * ms, 20 * ms}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "answered, calls", []int{r.Answered, r.Functions[0].Calls}, []int{1, 0})
}
