package planner

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/internal/heap"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

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
	flying float64 // requests on the way to a VM, or back
}

// trialVM is a worker's queue, and what its slots run.
type trialVM struct {
	*queue.Queue
	batches []queue.Batch
	woken   time.Duration // when it is to be looked at next
}

// due is an event: the end of a batch in a slot, or with slot -1 a time to look.
type due struct{ vm, slot int32 }

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
// expected to finish first, or away if that would be late and a function not. One queue for all VMs would be simpler, and
// wrong where there is little time to wait: sixteen VMs would carry up to 0.15 more (TestVMsAreNoPool).
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
	wait := finish - s.service
	caught := s.must || wait+s.need[0] <= s.deadline // by a function, if it is handed back
	if finish > s.deadline || !caught && wait+s.rest[0] > s.deadline {
		s.gone(id)
		return
	}
	r := queue.Row{ID: uint64(id), Last: s.stages.Len() - 1, Deadline: s.now + s.deadline, Keep: !caught}
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
	hand := float64(s.vms[vm].Len()) + s.flying
	each := max((hand/float64(s.batch)+1)/float64(s.slots), 1)
	return time.Duration(float64(s.service) * each)
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
