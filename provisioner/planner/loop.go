package planner

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/internal/heap"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// run is the state of a trial.
type run struct {
	*trial
	now      time.Duration
	within   time.Duration // of its arrival a request is to be answered
	came     int           // requests
	lead     int           // that only fill the queues; those that come when all that count have come keep them full
	count    int           // that count
	open     int           // of those, not done
	balancer *balancer.Balancer
	requests []tried
	free     []int32 // requests
	visits   []visit
	vms      []trialVM
	events   heap.Heap[due]
	alarms   alarms
	r        *rand.Rand
	exited   []bool
	back     []queue.Row
	out      outcome
}

// tried is a request.
type tried struct {
	machine balancer.Request
	woken   time.Duration // when its timer is due
	life    uint32        // no other request in this memory has had it
	depth   int32         // the stage at which it leaves the model
	left    int32         // the stage at which it first went to a function, and when; -1
	leftAt  time.Duration
	counts  bool
	sent    bool // to some place
	arrived time.Duration
	waited  time.Duration // in VMs' queues
	queued  time.Duration // when it came to the one that it is in; Never
	visits  [2]int32      // the last two
}

// due is an event.
type due struct {
	kind kind
	of   int32  // a visit, a VM, or of a timer a request
	more uint32 // a slot, or a request's life
}

type kind uint8

const (
	reached kind = iota // a visit is at its VM
	replied             // its reply is back
	served              // a VM's slot has run its batch
	looked              // a VM's queue wants to be looked at
	timer               // a request wants to be woken
)

// join makes VMs and functions known.
func (s *run) join() {
	for i := range s.vms {
		q, err := queue.New(s.config)
		if err != nil {
			panic(err) // our own mistake: an Ask is validated
		}
		s.vms[i] = trialVM{q, make([]queue.Batch, s.vm.Slots), queue.Never}
		s.add(s.vm, i)
	}
	for i, c := range s.calls {
		s.add(c.member, len(s.vms)+i)
	}
	for i, m := range s.behind {
		s.add(m, len(s.vms)+len(s.calls)+i)
	}
}

func (s *run) add(m balancer.Member, place int) {
	m.ID = uint64(place) + 1
	if err := s.balancer.Join(m, 0); err != nil {
		panic(err) // our own mistake
	}
}

// until runs what is due before a time.
func (s *run) until(end time.Duration) {
	s.ring(end)
	for at, e, ok := s.events.Peek(); ok && at <= end; at, e, ok = s.events.Peek() {
		s.events.Pop()
		s.now = at
		s.step(e)
	}
}

func (s *run) step(e due) {
	switch e.kind {
	case reached:
		s.enqueue(e.of)
	case replied:
		s.reply(&s.visits[e.of])
	case served:
		s.serve(e.of, int(e.more))
	case looked:
		if v := &s.vms[e.of]; v.woken == s.now {
			v.woken = queue.Never
			s.pump(e.of)
		}
	case timer:
		if q := &s.requests[e.of]; q.life == e.more && q.woken == s.now {
			q.woken = queue.Never
			s.follow(e.of, q.machine.Tick(s.now, s.r.Uint64()))
		}
	}
}

// arrive begins a request of some depth.
func (s *run) arrive(depth int32) {
	i := int32(len(s.requests))
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.requests = append(s.requests, tried{})
	}
	q := &s.requests[i]
	*q = tried{life: q.life, woken: queue.Never, queued: queue.Never, depth: depth, left: -1, arrived: s.now, counts: s.came >= s.lead && s.came < s.lead+s.count}
	s.came++
	q.machine = balancer.NewRequest(s.balancer, 0, balancer.Rules{Stages: len(s.goOn)}, s.now+s.within)
	s.follow(i, q.machine.Start(s.now, s.r.Uint64()))
}

// follow does what a request's machine says.
func (s *run) follow(i int32, step balancer.Step) {
	s.cancel(i, step.Cancel)
	switch {
	case step.Send:
		s.send(i, &step)
	case step.Finish:
		s.end(i, step.Err == nil)
		return
	}
	s.wake(i, s.requests[i].machine.Wake())
}

// end is that of a request.
func (s *run) end(i int32, answered bool) {
	q := &s.requests[i]
	if q.counts {
		s.open--
		if !answered {
			s.out.late++
		}
		s.note(q)
	}
	q.life++
	s.free = append(s.free, i)
}

// note writes down how long a request has waited, or when it left.
func (s *run) note(q *tried) {
	q.unqueue(s.now)
	switch {
	case q.left >= 0:
		s.out.leaves[q.left][s.bin(q.leftAt-q.arrived)]++
	case q.sent:
		s.out.waits[s.bin(q.waited)]++
	default:
		s.out.shed++
	}
}

// seen counts a batch that a request is in.
func (o *outcome) seen(q *tried, rows int) {
	if q.counts {
		o.runs++
		o.batch += float64(rows)
	}
}

// unqueue adds up what a request has waited.
func (q *tried) unqueue(now time.Duration) {
	if q.queued < queue.Never {
		q.waited += now - q.queued
	}
	q.queued = queue.Never
}

func (s *run) bin(d time.Duration) int {
	return min(int(math.Ceil(float64(max(d, 0))*bins/float64(s.span()))), bins-1)
}
