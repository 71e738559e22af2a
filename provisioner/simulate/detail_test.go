package simulate_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// A VM that is ordered at the start boots for 15 s; a request at 1 s finds none for stage 1 and has no
// answer, those at 21 s and 22 s do.
func TestSamples(t *testing.T) {
	s := split(t)
	s.Traffic, s.Depths = scripted(time.Second, 21*time.Second, 22*time.Second), scriptedDepths(0, 0, 1)
	s.World, s.Running = world(mock.Config{Boot: mock.Spread{Median: 15 * time.Second}}), false
	s.SLO, s.Until, s.Detail = time.Second, 35*time.Second, 10*time.Second
	res := audit(t, s)
	want(t, "samples", fmt.Sprint(res.Samples), "["+
		"{10 1 1 0 [{0 0 1 0} {0 0 0 0}]} "+
		"{20 0 0 0 [{0 0 1 1} {0 0 0 0}]} "+
		"{30 2 2 2 [{2 2 1 1} {1 1 0 0}]}]")
	if n := len(res.Distribution); n == 0 || res.Distribution[n-1].Share != 1 {
		t.Fatalf("%v", res.Distribution)
	}
	for i, p := range res.Distribution[1:] {
		if before := res.Distribution[i]; p.Seconds <= before.Seconds || p.Share < before.Share {
			t.Errorf("%v after %v", p, before)
		}
	}
}

// To look changes nothing else.
func TestDetailChangesNothing(t *testing.T) {
	s := split(t)
	s.Traffic, s.Depths, s.Seed = poisson(40, 5*time.Minute), independent(1, 0.5), 3
	s.World, s.Until, s.SLO = world(mock.Config{Boot: mock.Spread{Median: time.Minute}}), 5*time.Minute, time.Second
	plain := audit(t, s)
	s.Detail = time.Second
	detailed := audit(t, s)
	arrived, within := 0, 0
	for _, x := range detailed.Samples {
		arrived, within = arrived+x.Arrived, within+x.Within
	}
	if len(detailed.Samples) != 300 || arrived != plain.Requests || within == 0 {
		t.Errorf("%d samples of %d requests, %d within the SLO; want 300 of %d", len(detailed.Samples), arrived, within, plain.Requests)
	}
	detailed.Samples, detailed.Distribution = nil, nil
	if !reflect.DeepEqual(plain, detailed) {
		t.Errorf("%+v, want %+v", detailed, plain)
	}
	s.Detail = -1
	if _, err := simulate.Run(t.Context(), s); err == nil {
		t.Error("it takes an interval below 0")
	}
}
