package provisioner_test

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// A VM's queue and the balancer are told what batches take, as far as they pay: of three
// stages, the group's are the last two, of which one gains nothing.
func TestExpectQueue(t *testing.T) {
	times, err := profile.New("model", "small", [][]profile.Batch{
		{{Rows: 1, Samples: []time.Duration{5}}},
		{{Rows: 1, Samples: []time.Duration{40}}, {Rows: 2, Samples: []time.Duration{44, 52}}, {Rows: 4, Samples: []time.Duration{96}}, {Rows: 8, Samples: []time.Duration{192}}},
		{{Rows: 1, Samples: []time.Duration{40}}, {Rows: 2, Samples: []time.Duration{80}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := provisioner.VMGroup{Stages: stage.Range{First: 1, Last: 2}, Offer: small, Slots: 2, MaxBatch: 8, Window: 7, Limit: 9}
	e := provisioner.Expect{Plan: provisioner.Plan{Reach: []float64{1, 0.8, 0.2}}, Times: map[string]profile.Times{"small": times}}
	q := e.Queue(g, 3)
	want(t, "by size", q.Curve, [][]time.Duration{nil, {40, 48}, {40}})
	want(t, "as planned", []any{q.Stages, q.Slots, q.MaxBatch, q.Window, q.Limit}, []any{3, 2, 8, time.Duration(7), 9})
	want(t, "needed", q.Need, e.Need(g, 3))
	if _, err := queue.New(q); err != nil {
		t.Error(err)
	}
	// A request spends 40 ns in batches of two, and a quarter of 40 alone: 50 as if in 30.
	want(t, "rows a slot", e.VM(g).Batch, 2)

	g.MaxBatch = 0
	want(t, "one by one", e.Queue(g, 3).Curve, [][]time.Duration{nil, {40}, {40}})
	want(t, "one a slot", e.VM(g).Batch, 1)

	single, err := profile.Deterministic([]time.Duration{1e6, 1e6, 1e6})
	if err != nil {
		t.Fatal(err)
	}
	if e.Times["small"], err = profile.BatchGain(single, 16); err != nil {
		t.Fatal(err)
	}
	g.MaxBatch = math.MaxInt
	want(t, "no more than a setup can carry", len(e.Queue(g, 3).Curve[1]), 256)
}
