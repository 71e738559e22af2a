//go:build !race

package simulate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Every request that comes ends once, whatever happens to the places; slots and money
// are accounted for.
func TestConservationInChaos(t *testing.T) {
	for seed := range uint64(5) {
		s := chaotic(t)
		s.Seed = seed
		var ended, answered, arrived int
		s.Traffic = func(r *rand.Rand) (traffic.Source, error) {
			source, err := traffic.Poisson(120, 15*time.Minute, r)
			return counted{source, &arrived}, err
		}
		s.Observe = func(o simulate.Outcome) {
			ended++
			if o.Err == nil {
				answered++
			}
			if (o.Exit >= 0) != (o.Err == nil) || o.Ended < o.Arrived || o.Ended > o.Arrived+s.SLO {
				t.Errorf("an outcome that cannot be: %+v", o)
			}
		}
		res := audit(t, s)
		failed := res.Failed.Deadline + res.Failed.Shed + res.Failed.Tries
		want(t, "requests", fmt.Sprint(ended, answered, failed), fmt.Sprint(arrived, res.Answered, arrived-res.Answered))
		if res.VMs[0].Launched < 6 || res.Functions[0].Throttled == 0 || res.Functions[0].Cold == 0 || failed == 0 || res.VMs[1].StageRuns == 0 {
			t.Errorf("seed %d: not the chaos that is meant: %+v", seed, res)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	bytes := func(seed uint64) string {
		s := chaotic(t)
		s.Seed = seed
		res, err := simulate.Run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		res.Seed = 0
		b, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := bytes(1)
	want(t, "again", bytes(1), first)
	if bytes(2) == first {
		t.Error("another seed gives the same result")
	}
}
