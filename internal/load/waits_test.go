package load_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

func waits(t *testing.T, slower func() float64) *serflow.Pipeline {
	t.Helper()
	times, err := profile.Deterministic([]time.Duration{time.Second, 2 * time.Second, 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p, err := serflow.Open(t.Context(), load.Waits{Name: "waits", Times: times, Slower: slower}.Model())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Each request waits for the stages up to its own, and has its own class.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slower := 1.0
		p := waits(t, func() float64 { return slower })
		for depth, want := range []time.Duration{time.Second, 3 * time.Second, 7 * time.Second} {
			for class := range 8 {
				slower = float64(1 + class%2)
				begun := time.Now()
				r, err := p.Infer(t.Context(), load.Sample(depth, class))
				if took := time.Since(begun); err != nil || r.Exit != depth || r.Class != class || took != time.Duration(slower)*want {
					t.Errorf("stage %d, class %d, %v times as long: %+v after %v; %v", depth, class, slower, r, took, err)
				}
			}
		}
		rows := stage.Float32("row", []int64{3, 2}, []float32{0, 1, 1, 2, 2, 3})
		slower = 1
		begun := time.Now()
		if _, err := p.InferBatch(t.Context(), rows); err != nil || time.Since(begun) != (3+2*2+4)*time.Second {
			t.Errorf("a batch: %v, %v", time.Since(begun), err)
		}
	})
}

func TestWaitsNoLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := waits(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		begun := time.Now()
		if _, err := p.Infer(ctx, load.Sample(2, 0)); !errors.Is(err, serflow.ErrDeadline) || time.Since(begun) != 1500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if _, err := p.Infer(t.Context(), stage.Float32("row", []int64{3}, []float32{1, 2, 3})); !errors.Is(err, serflow.ErrInput) {
			t.Error(err)
		}
	})
}

func TestDepthFollowsReach(t *testing.T) {
	r, reach, n := rand.New(rand.NewPCG(1, 1)), []float64{1, 0.6, 0.3, 0}, 100_000
	seen := make([]float64, len(reach))
	for range n {
		for k := range load.Depth(r, reach) + 1 {
			seen[k] += 1 / float64(n)
		}
	}
	for k := range reach {
		if math.Abs(seen[k]-reach[k]) > 0.01 {
			t.Errorf("stage %d is reached by %v, want %v", k+1, seen[k], reach[k])
		}
	}
}
