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

// A VM ahead of a function leaves those that go on the time for it.
func TestExpectAhead(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{10, 20, 40})
	if err != nil {
		t.Fatal(err)
	}
	slow, err := profile.Deterministic([]time.Duration{100, 200, 400})
	if err != nil {
		t.Fatal(err)
	}
	fn := provisioner.FunctionOffer{Name: "fn"}
	front := provisioner.VMGroup{Stages: stage.Range{Last: 1}, Offer: small}
	e := provisioner.Expect{
		Plan:    provisioner.Plan{Reach: []float64{1, 0.5, 0.1}, Functions: []provisioner.FunctionGroup{{Stages: stage.Range{First: 2, Last: 2}, Offer: fn}}},
		Times:   map[string]profile.Times{"small": times, "fn": slow},
		Network: provisioner.Network{Function: provisioner.Path{Latency: 3}},
	}
	want(t, "before each stage", e.Need(front, 3), []time.Duration{10, 20, 400 + 6})
	want(t, "until it leaves", e.Queue(front, 3).Rest, []time.Duration{10 + 20 + 406, 20 + 406, 0})

	e.Plan.Functions = []provisioner.FunctionGroup{{Stages: stage.Range{Last: 1}, Offer: fn}, {Stages: stage.Range{First: 2, Last: 2}, Offer: fn}}
	want(t, "functions take over", e.Need(front, 3), []time.Duration{10 + 20 + 406, 20 + 406, 406})
	want(t, "on average", e.Least(front, 3), []time.Duration{100 + 100 + 6, 200 + 6, 406})

	e.Plan.Functions, front.Stages.Last = []provisioner.FunctionGroup{{Stages: stage.Range{Last: 2}, Offer: fn}}, 2
	want(t, "nothing behind", e.Need(front, 3), []time.Duration{700 + 6, 600 + 6, 406})
	want(t, "no more than here", e.Queue(front, 3).Rest, []time.Duration{70, 60, 40})
}
