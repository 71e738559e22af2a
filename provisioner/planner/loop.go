package planner

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/internal/heap"
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
	service  time.Duration   // a row's expected time in the group

	saturated float64 // mu_sat
	key       uint64
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

// run is the state of a trial.
type run struct {
	*trial
	now    time.Duration
	rows   []tried
	first  int // that counts: those before it fill the queues
	last   int // that counts: those after it keep them full until it is done
	open   int // rows that count and are not done
	vms    []trialVM
	events heap.Heap[due]
	r      *rand.Rand
	exited []bool
	back   []queue.Row
	out    outcome
}

// trialVM is a worker's queue, and what its slots run.
type trialVM struct {
	*queue.Queue
	batches []queue.Batch
	woken   time.Duration // when it is to be looked at next
}

// due is an event: the end of a batch in a slot, or with slot -1 a time to look.
type due struct{ vm, slot int32 }

// try sends rows to n VMs at a rate, as Poisson arrivals.
func (t *trial) try(n int, rate float64, rows int, r *rand.Rand) outcome {
	warm := rows/5 + 2*n*t.slots
	if load := rate / (float64(n) * t.saturated); load > 0.9 { // what is too much fills the queues
		warm += int(rate * (t.deadline - t.need[0]).Seconds() / max(load-1, 0.15))
	}
	s := &run{trial: t, rows: make([]tried, 0, 2*warm+rows), first: warm, last: warm + rows - 1, open: rows, vms: make([]trialVM, n), r: r}
	for i := range s.vms {
		q, err := queue.New(queue.Config{Stages: t.stages.Len(), Slots: t.slots, MaxBatch: t.batch, Need: t.need})
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

// until runs what is due before a time.
func (s *run) until(end time.Duration) {
	for at, e, ok := s.events.Peek(); ok && at <= end; at, e, ok = s.events.Peek() {
		s.events.Pop()
		s.now = at
		s.step(e)
	}
}

func (s *run) step(e due) {
	v := &s.vms[e.vm]
	if e.slot < 0 {
		if v.woken == s.now {
			v.woken = queue.Never
			s.pump(e.vm)
		}
		return
	}
	b := v.batches[e.slot]
	s.exited = s.exited[:0]
	for _, row := range b.Rows {
		done := int(s.rows[row.ID].last) == row.Stage
		if done {
			s.finish(int(row.ID))
		}
		s.exited = append(s.exited, done)
	}
	var err error
	if s.back, err = v.Done(s.now, int(e.slot), s.exited, s.back[:0]); err != nil {
		panic(err) // our own mistake
	}
	s.leave()
	s.pump(e.vm)
}

// arrive routes a row as the balancer does: to the VM of two drawn at random that is
// expected to finish first, or away if that would be late.
func (s *run) arrive() {
	id := len(s.rows)
	row := tried{arrived: s.now}
	for u := s.r.Float64(); int(row.last) < len(s.goOn)-1; row.last++ {
		if u -= 1 - s.goOn[row.last]; u < 0 {
			break
		}
		u /= s.goOn[row.last]
	}
	s.rows = append(s.rows, row)
	vm, finish := s.pick()
	if finish > s.deadline {
		s.gone(id)
		return
	}
	r := queue.Row{ID: uint64(id), Last: s.stages.Len() - 1, Deadline: s.now + s.deadline}
	if _, err := s.vms[vm].Enqueue(s.now, r); err != nil {
		panic(err) // our own mistake: the queue has no limit
	}
	s.pump(int32(vm))
}

func (s *run) pick() (vm int, finish time.Duration) {
	vm = s.r.IntN(len(s.vms))
	finish = s.finishAt(vm)
	if n := len(s.vms); n > 1 {
		other := (vm + 1 + s.r.IntN(n-1)) % n
		if f := s.finishAt(other); f < finish {
			return other, f
		}
	}
	return vm, finish
}

// finishAt is the balancer's own estimate for one more row.
func (s *run) finishAt(vm int) time.Duration {
	ahead := s.vms[vm].Len()/s.batch + 1 - s.slots
	return s.service + s.service*time.Duration(max(ahead, 0))/time.Duration(s.slots)
}

// pump lets late rows go and starts batches.
func (s *run) pump(vm int32) {
	v := &s.vms[vm]
	s.back = v.Late(s.now, s.back[:0])
	s.leave()
	for b, ok := v.Next(s.now); ok; b, ok = v.Next(s.now) {
		d := s.times.Draw(s.stages.First+b.Stage, len(b.Rows), s.r)
		for _, row := range b.Rows {
			s.rows[row.ID].worked += d
		}
		v.batches[b.Slot] = b
		s.events.Push(s.now+d, due{vm, int32(b.Slot)})
	}
	if wake := v.Wake(); wake < v.woken {
		v.woken = wake
		s.events.Push(wake, due{vm, -1})
	}
}

func (s *run) finish(id int) {
	if !s.counts(id) {
		return
	}
	row := s.rows[id]
	if s.now-row.arrived > s.deadline {
		s.out.late++
	} else {
		s.out.carried++
	}
	s.out.waits[s.bin(s.now-row.arrived-row.worked)]++
}

func (s *run) leave() {
	for _, row := range s.back {
		s.gone(int(row.ID))
	}
}

func (s *run) gone(id int) {
	if s.counts(id) {
		s.out.leaves[s.bin(s.now-s.rows[id].arrived)]++
	}
}

// counts takes a row that is done off those that are open, if it counts.
func (s *run) counts(id int) bool {
	if id < s.first || id > s.last {
		return false
	}
	s.open--
	return true
}

func (s *run) bin(d time.Duration) int {
	return min(int(math.Ceil(float64(d)*bins/float64(s.deadline))), bins-1)
}
