package planner

import (
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// trial is what a fleet's VMs are tried with: the worker's own queue, driven by draws
// from the profile. Stages of the queue are counted from the group's first.
type trial struct {
	times    profile.Times
	stages   stage.Range
	goOn     []float64 // by stage of the group: share of its rows that go on to the next
	slots    int
	batch    int
	deadline time.Duration   // since a row's arrival
	need     []time.Duration // see queue.Config
	least    []time.Duration
	rest     []time.Duration
	must     bool          // there is no function
	travel   time.Duration // to a VM and back
	service  time.Duration // a row's expected time in the group

	saturated float64 // mu_sat
	key       uint64
}

// config is what provisioner.Expect.Queue makes of the group: a trial of another queue than
// the one that serves would not tell what is carried.
func (t *trial) config() queue.Config {
	c := queue.Config{Stages: t.stages.Len(), Slots: t.slots, MaxBatch: t.batch, Need: t.need, Least: t.least, Rest: t.rest}
	for s := t.stages.First; s <= t.stages.Last; s++ {
		curve := make([]time.Duration, t.batch)
		for i := range curve {
			curve[i] = min(max(t.times.Mean(s, i+1), 1), queue.Never/2)
		}
		c.Curve = append(c.Curve, curve[:queue.Worth(curve)])
	}
	return c
}

// outcome is what became of a trial's rows.
type outcome struct {
	rows    float64     // that count
	carried float64     // share that the VMs finish in time
	late    float64     // share that they finish, but late
	waits   [bins]int32 // of those that they finish: time in queues, in bins of the deadline
	leaves  [bins]int32 // of those that leave for a function: time since they came
}

const bins = 16 // in the deadline

// tried is one row of a trial.
type tried struct {
	arrived, worked time.Duration
	last            int32
}

// try sends rows to n VMs at a rate, as Poisson arrivals.
func (t *trial) try(n int, rate float64, rows int, r *rand.Rand) outcome {
	warm := rows/5 + 2*n*t.slots
	if load := rate / (float64(n) * t.saturated); load > 0.9 { // what is too much fills the queues
		warm += int(rate * (t.deadline - t.need[0]).Seconds() / max(load-1, 0.15))
	}
	s := &run{trial: t, rows: make([]tried, 0, 2*warm+rows), first: warm, last: warm + rows - 1, open: rows, vms: make([]trialVM, n), r: r, flying: rate / float64(n) * t.travel.Seconds()}
	for i := range s.vms {
		q, err := queue.New(t.config())
		if err != nil {
			panic(err) // our own mistake: an Ask is validated
		}
		s.vms[i] = trialVM{q, make([]queue.Batch, t.slots), queue.Never}
	}
	gap := float64(time.Second) / rate
	for next := gap * r.ExpFloat64(); s.open > 0; next += gap * r.ExpFloat64() {
		s.until(time.Duration(next))
		s.now = time.Duration(next)
		s.arrive()
	}
	s.out.rows = float64(rows)
	s.out.carried /= s.out.rows
	s.out.late /= s.out.rows
	return s.out
}
