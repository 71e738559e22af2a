package planner

import (
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// trialVM is a worker's queue, and what its slots run.
type trialVM struct {
	*queue.Queue
	batches []queue.Batch
	woken   time.Duration // when it is to be looked at next
}

// visit is a request at a place, from when it is sent until its reply is back.
type visit struct {
	request int32
	attempt uint32 // 0 once nobody waits for it
	place   int32  // a VM, or behind all VMs a function
	stage   int32  // to begin with; of a reply, the one that it names
	outcome balancer.Outcome
	keep    bool
	due     time.Duration
	service time.Duration
	ticket  queue.Ticket
}

// send sends a request to a place.
func (s *run) send(i int32, step *balancer.Step) {
	id := int32(len(s.visits))
	s.visits = append(s.visits, visit{request: i, attempt: step.Attempt, place: int32(step.Place.ID()) - 1, stage: int32(step.Stage), keep: step.Keep, due: s.now + step.Remaining})
	v := &s.visits[id]
	q := &s.requests[i]
	q.visits[step.Attempt%2], q.sent = id, true
	if int(v.place) < len(s.vms) {
		s.after(s.network.VM.Time(s.network.Into(step.Stage)), due{reached, id, 0})
		return
	}
	if q.left < 0 && step.Stage <= s.last && !step.Hedge {
		q.left, q.leftAt = v.stage, s.now
	}
	s.call(v, q, id)
}

// call runs a request on a function, whose bill is as certain as its reply.
func (s *run) call(v *visit, q *tried, id int32) {
	c := &s.calls[int(v.place)-len(s.vms)]
	end, path := c.member.Stages.Last, s.network.Function
	to := min(int(q.depth), end)
	v.service = c.draw(int(v.stage), to, s.r)
	if q.counts {
		s.out.away += c.price(int(v.stage), to)
	}
	bytes := s.network.Answer
	there := path.Time(s.network.Into(int(v.stage)))
	v.outcome, v.stage = balancer.Exited, q.depth
	if int(q.depth) > end {
		v.outcome, v.stage = balancer.Passed, int32(end)+1
		bytes = s.network.Into(end + 1)
	}
	s.after(there+v.service+path.Time(bytes), due{replied, id, 0})
}

func (s *run) after(d time.Duration, e due) { s.events.Push(s.now+d, e) }

// cancel takes attempts of a request back.
func (s *run) cancel(i int32, attempts [2]uint32) {
	for _, attempt := range attempts {
		if attempt == 0 {
			return
		}
		v := &s.visits[s.requests[i].visits[attempt%2]]
		if v.ticket != 0 {
			s.vms[v.place].Cancel(v.ticket)
		}
		v.attempt = 0
	}
}

// enqueue has a request wait at its VM.
func (s *run) enqueue(id int32) {
	v := &s.visits[id]
	if v.attempt == 0 {
		return
	}
	row := queue.Row{ID: uint64(id), Stage: int(v.stage), Last: s.last, Deadline: v.due - s.network.VM.Time(s.network.Answer), Keep: v.keep}
	ticket, err := s.vms[v.place].Enqueue(s.now, row)
	if err != nil {
		panic(err) // our own mistake: the queue has no limit
	}
	v.ticket, s.requests[v.request].queued = ticket, s.now
	s.pump(v.place)
}

// pump lets late rows go and starts batches.
func (s *run) pump(vm int32) {
	v := &s.vms[vm]
	s.back = v.Late(s.now, s.back[:0])
	s.leave(v)
	for b, ok := v.Next(s.now); ok; b, ok = v.Next(s.now) {
		d := s.times.Draw(b.Stage, len(b.Rows), s.r)
		for _, row := range b.Rows {
			if x := &s.visits[row.ID]; x.attempt != 0 {
				x.service += d
				q := &s.requests[x.request]
				q.unqueue(s.now)
				s.out.seen(q, len(b.Rows))
			}
		}
		v.batches[b.Slot] = b
		s.after(d, due{served, vm, uint32(b.Slot)})
	}
	if wake := max(v.Wake(), s.now); wake < v.woken {
		v.woken = wake
		s.events.Push(wake, due{looked, vm, 0})
	}
}

// serve ends a batch.
func (s *run) serve(vm int32, slot int) {
	v := &s.vms[vm]
	b := v.batches[slot]
	s.exited = s.exited[:0]
	for _, row := range b.Rows {
		x := &s.visits[row.ID]
		q := &s.requests[x.request]
		s.exited = append(s.exited, x.attempt == 0 || int(q.depth) == row.Stage)
		if x.attempt != 0 {
			q.queued = s.now
		}
	}
	var err error
	if s.back, err = v.Done(s.now, slot, s.exited, s.back[:0]); err != nil {
		panic(err) // our own mistake
	}
	for i, row := range b.Rows {
		if s.exited[i] {
			s.answer(int32(row.ID), balancer.Exited, b.Stage, s.network.Answer)
		}
	}
	s.leave(v)
	s.pump(vm)
}

// leave replies for rows that go back.
func (s *run) leave(v *trialVM) {
	for _, row := range s.back {
		s.answer(int32(row.ID), balancer.Passed, row.Stage, s.network.Into(min(row.Stage, len(s.goOn)-1)))
	}
}

func (s *run) answer(id int32, outcome balancer.Outcome, stage, bytes int) {
	v := &s.visits[id]
	if v.attempt == 0 {
		return
	}
	v.ticket, v.outcome, v.stage = 0, outcome, int32(stage)
	s.requests[v.request].unqueue(s.now)
	s.after(s.network.VM.Time(bytes), due{replied, id, 0})
}

// reply is what came back from a place. A request that has the fleet's stages behind it is done.
func (s *run) reply(v *visit) {
	if v.attempt == 0 {
		return
	}
	reply := balancer.Reply{Outcome: v.outcome, Stage: int(v.stage), Service: v.service}
	if int(v.place) < len(s.vms) {
		reply.Load = s.vms[v.place].Len()
	}
	q, attempt := &s.requests[v.request], v.attempt
	v.attempt = 0
	step := q.machine.Reply(s.now, attempt, reply, s.r.Uint64())
	if reply.Outcome == balancer.Passed && reply.Stage > s.last && !step.Finish {
		s.cancel(v.request, step.Cancel)
		q.machine.GiveUp(nil)
		s.end(v.request, true)
		return
	}
	s.follow(v.request, step)
}
