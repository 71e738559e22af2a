package simulate

import (
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// group is a VM group or a function group, and what it has done.
type group struct {
	stages stage.Range
	offer  string
	path   provisioner.Path
	times  profile.Times
	vms    provisioner.VMGroup
	config queue.Config // of a VM

	sent     int // requests
	hedges   int // of those
	latency  *histogram
	runs     int // of stages, for one request each
	launched int
	lived    float64 // nanoseconds: all VMs' are more than a Duration holds
	slots    float64 // seconds lived by slots
	busy     float64 // of those
	dollars  float64
}

// vm is a virtual machine that has been launched and has not ended.
type vm struct {
	place    uint32
	ready    bool
	draining bool
	gone     bool
	group    *group
	next     *group // of another plan, that it serves as well; nil for none
	queue    *queue.Queue
	woken    time.Duration   // when its queue is to be looked at; Never
	batches  []queue.Batch   // by slot
	begun    []time.Duration // by slot; Never if it is free
	back     []queue.Row     // scratch

	id       string
	token    string
	launched time.Duration
	counted  time.Duration // from when what it does counts; 0 for all
	paid     float64       // dollars before
}

// A row's ID is its request's place in memory and its attempt's serial.
func rowID(request, serial uint32) uint64 { return uint64(request)<<32 | uint64(serial) }

func (v *vm) event(row uint64) event {
	return event{place: v.place, request: uint32(row >> 32), serial: uint32(row)}
}

func (r *run) enqueue(v *vm, t *attempt, e event) {
	if v.gone {
		r.answer(t, e, v.group, balancer.Failed, int(e.stage))
		return
	}
	deadline := t.due
	if deadline < Never {
		deadline -= v.group.path.Time(r.Network.Answer)
	}
	ticket, err := v.queue.Enqueue(r.now, queue.Row{ID: rowID(e.request, e.serial), Stage: int(e.stage), Last: t.group.stages.Last, Deadline: deadline, Keep: t.keep})
	if err != nil {
		r.answer(t, e, v.group, balancer.Refused, int(e.stage))
		return
	}
	t.ticket, t.queued = ticket, r.now
	r.pump(v)
}

// pump does what a VM's queue wants done now.
func (r *run) pump(v *vm) {
	v.back = v.queue.Late(r.now, v.back[:0])
	r.handBack(v)
	for {
		b, ok := v.queue.Next(r.now)
		if !ok {
			break
		}
		r.start(v, &b)
	}
	if wake := max(v.queue.Wake(), r.now); wake < v.woken {
		v.woken = wake
		r.events.at(wake, event{what: what{kind: woken}, place: v.place})
	}
}

func (r *run) wakeVM(v *vm) {
	if v.woken == r.now && !v.gone {
		v.woken = Never
		r.pump(v)
	}
}

// start runs a batch on a slot.
func (r *run) start(v *vm, b *queue.Batch) {
	d := r.draw(v.group.times, b.Stage, len(b.Rows))
	v.batches[b.Slot], v.begun[b.Slot] = *b, r.now
	for i := range b.Rows {
		if q, t := r.current(v.event(b.Rows[i].ID)); q != nil {
			q.waited += r.now - t.queued
			t.service, q.worked = min(t.service+d, century), min(q.worked+d, century)
		}
	}
	r.events.at(r.after(d), event{what: what{kind: served}, place: v.place, request: uint32(b.Slot)})
}

// serve ends a batch: rows that are deep enough leave, the others wait for the next
// stage or go back.
func (r *run) serve(v *vm, slot int) {
	if v.gone {
		return
	}
	b := &v.batches[slot]
	v.group.busy += (r.now - v.begun[slot]).Seconds()
	v.begun[slot] = Never
	v.group.runs += len(b.Rows)
	r.exited = r.exited[:0]
	for i := range b.Rows {
		q, t := r.current(v.event(b.Rows[i].ID))
		r.exited = append(r.exited, q == nil || int(q.depth) <= b.Stage)
		if q != nil {
			t.queued = r.now
		}
	}
	var err error
	if v.back, err = v.queue.Done(r.now, slot, r.exited, v.back[:0]); err != nil {
		panic(err) // the engine's own mistake: it ended a batch that it had not begun
	}
	for i := range b.Rows {
		e := v.event(b.Rows[i].ID)
		if _, t := r.current(e); t != nil && r.exited[i] {
			t.load = int32(v.queue.Len())
			r.answer(t, e, v.group, balancer.Exited, b.Stage)
		}
	}
	r.handBack(v)
	r.pump(v)
	r.idle(v)
}

// handBack replies for the rows that have left unfinished.
func (r *run) handBack(v *vm) {
	for i := range v.back {
		e := v.event(v.back[i].ID)
		if _, t := r.current(e); t != nil {
			t.load = int32(v.queue.Len())
			r.answer(t, e, v.group, balancer.Passed, v.back[i].Stage)
		}
	}
}

// idle tells the fleet of a draining VM that has nothing left to do.
func (r *run) idle(v *vm) {
	if v.draining && !v.gone && v.queue.Len() == 0 && r.balancer.Serving(uint64(v.place)) == 0 {
		r.fleet.Idle(r.now, v.id)
		r.wakeFleet(r.now)
	}
}

// kill ends a VM and fails what it had in hand.
func (r *run) kill(v *vm) {
	if v.gone {
		return
	}
	v.gone = true
	r.balancer.Leave(uint64(v.place))
	delete(r.vms, v.id)
	r.bill(v)
	for i := range r.requests {
		for j := range r.requests[i].attempts {
			if t := &r.requests[i].attempts[j]; t.place == v.place && t.ticket != 0 {
				r.answer(t, event{place: v.place, request: uint32(i), serial: t.serial}, v.group, balancer.Failed, 0)
			}
		}
	}
	v.queue, v.batches, v.begun, v.back = nil, nil, nil, nil
}

// bill adds up a VM that has ended, or that the end of the run has come to.
func (r *run) bill(v *vm) {
	g, lived := v.group, r.now-max(v.launched, v.counted)
	g.lived += float64(lived)
	g.slots += lived.Seconds() * float64(g.vms.SlotsOf())
	g.dollars += g.vms.Offer.Cost(r.now-v.launched) - v.paid
	for slot, begun := range v.begun {
		if begun != Never {
			g.busy += (r.now - begun).Seconds()
			v.begun[slot] = Never
		}
	}
}
