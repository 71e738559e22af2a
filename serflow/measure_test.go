package serflow_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// Measure finds the times of each stage on each offer, what calls take beside them, and
// what a function is billed beside them.
func TestMeasure(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		s.workerOf = func(providers.Instance) *plainWorker {
			w := newPlainWorker(rentedModel)
			w.times = func(k int) time.Duration { return time.Duration(k+1) * 10 * ms }
			return w
		}
		s.onVM = func(context.Context, string) error { time.Sleep(4 * ms); return nil } // on the way
		s.functions.times = func(k int) time.Duration { return time.Duration(k+1) * ms }
		s.onCall = func() error { time.Sleep(5 * ms); return nil } // billed
		p := s.open(t, serflow.Plan(provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stage.Range{First: 1, Last: 2}, Offer: vmOffer, VMs: 2}},
			Functions: []provisioner.FunctionGroup{{Stages: stage.Range{Last: 0}, Offer: functionOffer}},
		}), serflow.Limits(provisioner.Limits{VMs: 2, PerHour: 10, PerDay: 10}))
		defer s.closed(t, p)
		waitUntil(t, "all VMs", func() bool { return ready(p) == 2 })

		var samples [][]stage.Tensor
		for i := range 6 {
			samples = append(samples, []stage.Tensor{sampleOf(i % 3)})
		}
		told := 0
		m, err := p.Measure(t.Context(), samples, 2, func(visits, all int) {
			if told++; visits != told || all != 2*len(samples) {
				t.Errorf("visit %d of %d, want %d of %d", visits, all, told, 2*len(samples))
			}
		})
		if err != nil || told != 2*len(samples) {
			t.Fatalf("%d visits, %v", told, err)
		}
		vm, function := m.Profiles[vmOffer.Name], m.Profiles[functionOffer.Name]
		for what, got := range map[string][2]time.Duration{
			"stage b on a VM":             {vm.Mean(1, 1), 20 * ms},
			"stage c on a VM":             {vm.Mean(2, 1), 30 * ms},
			"stage a, and what is billed": {function.Mean(0, 1), 6 * ms},
			"the way to a VM":             {m.Network.VM.Latency, 2 * ms},
			"the way to a function":       {m.Network.Function.Latency, 0},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %v, want %v", what, got[0], got[1])
			}
		}
		if fingerprint, _ := rentedModel.Fingerprint(); vm.Model() != fingerprint || vm.Offer() != vmOffer.Name {
			t.Errorf("a profile of model %.12s on %q", vm.Model(), vm.Offer())
		}
	})
}

func TestMeasureRefuses(t *testing.T) {
	here := open(t, rentedModel)
	if _, err := here.Measure(t.Context(), [][]stage.Tensor{{sampleOf(0)}}, 1, nil); !errors.Is(err, serflow.ErrInput) {
		t.Errorf("in process: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
		defer s.closed(t, p)
		waitUntil(t, "all VMs", func() bool { return ready(p) == 1 })
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for what, c := range map[string]struct {
			ctx     context.Context
			samples [][]stage.Tensor
			atOnce  int
			want    error
		}{
			"no samples":             {t.Context(), nil, 1, serflow.ErrInput},
			"none at once":           {t.Context(), [][]stage.Tensor{{sampleOf(0)}}, 0, serflow.ErrInput},
			"a sample of nothing":    {t.Context(), [][]stage.Tensor{{}}, 1, serflow.ErrInput},
			"a wrong name":           {t.Context(), [][]stage.Tensor{{stage.Float32("y", []int64{4}, make([]float32, 4))}}, 1, serflow.ErrInput},
			"a context that is over": {over, [][]stage.Tensor{{sampleOf(0)}}, 1, context.Canceled},
			"a worker without times": {t.Context(), [][]stage.Tensor{{sampleOf(0)}}, 1, nil},
		} {
			_, err := p.Measure(c.ctx, c.samples, c.atOnce, nil)
			var e *serflow.Error
			if !errors.As(err, &e) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
