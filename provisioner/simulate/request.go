package simulate

import (
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// request is one that is under way: its machine, and where its attempts are.
type request struct {
	woken      time.Duration // when its timer event is due; Never if there is none
	life       uint32        // no other request in this memory has had it
	serial     uint32        // the last attempt's
	depth      int32         // the stage at which it would exit
	onFunction bool          // for some stage
	arrived    time.Duration
	waited     time.Duration
	worked     time.Duration
	attempts   [2]attempt // more than one of a request that is hedged
	machine    balancer.Request
}

// attempt is one that is on its way.
type attempt struct {
	serial  uint32 // no other attempt of a request in this memory has had it; 0 for none
	number  uint32 // the machine's
	place   uint32
	sent    time.Duration
	queued  time.Duration
	due     time.Duration // when it is to be back
	keep    bool          // nothing else would be in time
	service time.Duration
	load    int32
	ticket  queue.Ticket // at a VM's queue; 0 if it is not there
	group   *group       // that the place serves it in
}

// Why places fail requests. These are what a real place's errors stand for.
var (
	errLost      = errors.New("the VM is gone")
	errFull      = errors.New("the VM is full or draining")
	errThrottled = errors.New("the function is at its concurrency limit")
)

// arrive begins a request.
func (r *run) arrive() error {
	exit := r.depths.Next(r.now)
	if exit < 0 || exit >= r.Stages {
		return fmt.Errorf("%w: a request would leave at stage %d of %d", ErrScenario, exit+1, r.Stages)
	}
	i := uint32(len(r.requests))
	if n := len(r.free); n > 0 {
		i = r.free[n-1]
		r.free = r.free[:n-1]
	} else {
		r.requests = append(r.requests, request{})
	}
	q := &r.requests[i]
	q.arrived, q.woken, q.waited, q.worked = r.now, Never, 0, 0
	deadline := Never
	if r.SLO > 0 {
		deadline = r.after(r.SLO)
	}
	q.depth, q.onFunction = int32(exit), false
	rules := r.Rules
	rules.Functions = rules.Functions || r.control.rationed(r.now)
	q.machine = balancer.NewRequest(r.balancer, 0, rules, deadline)
	r.control.see(r.now, 0)
	r.open++
	r.count.arrived++
	s := q.machine.Start(r.now, r.route.Uint64())
	r.follow(i, &s)
	return nil
}

// follow does what a request's machine says.
func (r *run) follow(i uint32, s *balancer.Step) {
	q := &r.requests[i]
	if s.Cancel[0] > 0 {
		r.cancel(q, s.Cancel[0])
		r.cancel(q, s.Cancel[1])
	}
	if s.Send {
		r.control.call(r.now, s)
		r.send(i, q, s)
	}
	if s.Finish {
		r.finish(i, q, s)
		return
	}
	if wake := q.machine.Wake(); wake < q.woken {
		q.woken = wake
		r.events.alarm(r.now, wake, event{what: what{kind: timer}, request: i, serial: q.life})
	}
}

// cancel takes an attempt back, which a VM knows at once. What a function runs is
// billed all the same.
func (r *run) cancel(q *request, number uint32) {
	for i := range q.attempts {
		t := &q.attempts[i]
		if number == 0 || t.serial == 0 || t.number != number {
			continue
		}
		v := r.places[t.place].vm
		if t.ticket != 0 {
			v.queue.Cancel(t.ticket)
		}
		*t = attempt{}
		if v != nil {
			r.idle(v)
		}
	}
}

func (r *run) send(i uint32, q *request, s *balancer.Step) {
	t := &q.attempts[0]
	if t.serial != 0 {
		t = &q.attempts[1]
	}
	q.serial++
	*t = attempt{}
	t.serial, t.number, t.place, t.sent, t.keep = q.serial, s.Attempt, uint32(s.Place.ID()), r.now, s.Keep
	p := &r.places[t.place]
	t.group = p.group
	if v := p.vm; v != nil && v.next != nil && s.Place.Stages() == v.next.stages {
		t.group = v.next
	}
	t.group.sent++
	if s.Hedge {
		t.group.hedges++
	}
	t.due = Never
	if s.Remaining < Never {
		t.due = r.now + s.Remaining
	}
	e := event{what: what{kind: reached, stage: uint16(s.Stage)}, place: t.place, request: i, serial: t.serial}
	if d := r.travel(p.group, r.Network.Into(s.Stage)); d > 0 {
		r.events.after(r.now, d, e)
	} else {
		r.reach(e)
	}
}

// travel is how long bytes are on the way between the service and a group; they are
// paid for.
func (r *run) travel(g *group, bytes int) time.Duration {
	r.count.transfer += float64(bytes) * g.path.DollarsPerGB / 1e9
	return g.path.Time(bytes)
}

// current is the attempt of an event and its request, and nil if it is no longer wanted.
func (r *run) current(e event) (*request, *attempt) {
	q := &r.requests[e.request]
	for i := range q.attempts {
		if q.attempts[i].serial == e.serial {
			return q, &q.attempts[i]
		}
	}
	return nil, nil
}

func (r *run) reach(e event) {
	q, t := r.current(e)
	if q == nil {
		return
	}
	if p := &r.places[e.place]; p.vm != nil {
		r.enqueue(p.vm, t, e)
	} else {
		r.call(p, q, t, e)
	}
}

// answer sends a reply on its way.
func (r *run) answer(t *attempt, e event, g *group, outcome balancer.Outcome, stage int) {
	t.ticket = 0
	bytes := r.Network.Answer
	if outcome == balancer.Passed && stage < r.Stages {
		bytes = r.Network.Into(stage)
	}
	e.kind, e.outcome, e.stage = replied, outcome, uint16(stage)
	r.events.after(r.now, r.travel(g, bytes), e)
}

// reply is what came back from a place.
func (r *run) reply(e event) {
	q, t := r.current(e)
	if q == nil {
		return
	}
	p := &r.places[e.place]
	reply := balancer.Reply{Outcome: e.outcome, Stage: int(e.stage), Service: t.service, Load: int(t.load)}
	if e.outcome == balancer.Exited || e.outcome == balancer.Passed {
		t.group.latency.record(r.now - t.sent)
	} else {
		reply.Err = r.why(p, e.outcome)
	}
	number := t.number
	*t = attempt{}
	s := q.machine.Reply(r.now, number, reply, r.route.Uint64())
	r.follow(e.request, &s)
	if p.vm != nil {
		r.idle(p.vm)
	}
}

func (r *run) why(p *place, outcome balancer.Outcome) error {
	switch {
	case p.function != nil:
		return errThrottled
	case outcome == balancer.Refused:
		return errFull
	}
	return errLost
}

// waits tells whether a request still wants to be woken by this timer: it has not
// ended, and has set no other.
func (r *run) waits(at time.Duration, e event) bool {
	q := &r.requests[e.request]
	return q.life == e.serial && q.woken == at
}

// timer wakes a request, if it still wants to be woken.
func (r *run) timer(e event) {
	if !r.waits(r.now, e) {
		return
	}
	q := &r.requests[e.request]
	q.woken = Never
	if wake := q.machine.Wake(); wake > r.now { // that was for an attempt which has come back since
		q.woken = wake
		r.events.alarm(r.now, wake, event{what: what{kind: timer}, request: e.request, serial: q.life})
		return
	}
	s := q.machine.Tick(r.now, r.route.Uint64())
	r.follow(e.request, &s)
}

func (r *run) finish(i uint32, q *request, s *balancer.Step) {
	counts := q.arrived >= r.Settle
	if counts {
		r.count.end(r.now, r.SLO, q, s.Exit, s.Err)
	}
	if counts && r.Observe != nil {
		r.Observe(Outcome{Arrived: q.arrived, Ended: r.now, Waited: q.waited, Worked: q.worked, Exit: s.Exit, Err: s.Err})
	}
	if r.control != nil && s.Err == nil {
		for at := 1; at <= s.Exit; at++ {
			r.control.see(r.now, at)
		}
	}
	q.life++
	r.ended = r.now
	r.open--
	r.free = append(r.free, i)
}
