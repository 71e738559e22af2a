package balancer

import (
	"math"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Ask is a request that needs a place.
type Ask struct {
	Stage      int // the next to run
	Generation uint64
	Now        time.Duration
	Remaining  time.Duration // until its deadline; Never without one
	Late       bool          // a VM has handed it back because it would be late there: a function is taken if there is one
	Avoid      Avoid         // members that have failed it, taken only if there is no other
	Not        uint64        // a member that is not taken at all; 0 for none
	Priority   Priority
	Without    Mechanism
	With       Mechanism // of those that are off by default
	Idle       bool      // nobody waits for it: only a VM with a free slot is taken
	Random     uint64    // 64 random bits
	// Core says whose request it is, from 0; by default 0, and modulo the balancer's cores.
	// Any number is right. Requests are fastest with that of the processor they run on,
	// or of a worker that stays on one, and slowest if all say the same.
	Core int

	reserve time.Duration // out: to be kept for a function, beside what the VM keeps by itself
}

// Avoid is the last members that have failed a request; 0 for none.
type Avoid [4]uint64

func (a *Avoid) has(id uint64) bool { return id == a[0] || id == a[1] || id == a[2] || id == a[3] }

// add puts a member before the others.
func (a *Avoid) add(id uint64) {
	if !a.has(id) {
		*a = Avoid{id, a[0], a[1], a[2]}
	}
}

// Place is where a request goes. The zero Place is none.
type Place struct {
	member  *member
	core    int32
	hand    int32         // requests that it had before
	Finish  time.Duration // expected, from now until its reply is back
	wait    time.Duration // of that, until it is begun
	alone   time.Duration // seldom exceeded once it is begun
	cold    bool          // an instance is expected to start first, which is in both
	keep    bool          // no function would be in time
	caught  bool          // a function would be
	pressed bool          // it is expected to take half of the time that is left, or more
	hopes   bool          // it is not expected to be in time, but nothing else is either
}

// ID is the member's.
func (p Place) ID() uint64 { return p.member.ID }

// Kind is the member's.
func (p Place) Kind() Kind { return p.member.Kind }

// Stages is what the member serves.
func (p Place) Stages() stage.Range { return p.member.Stages }

// latest is seldom exceeded.
func (p *Place) latest() time.Duration { return p.wait + p.alone }

// start is how much of its time an instance is expected to take to start.
func (p *Place) start() time.Duration {
	if p.cold {
		return p.member.Cold
	}
	return 0
}

// soonest is the least that a request can take there.
func (p *Place) soonest(a *Ask) time.Duration {
	m := p.member
	t := &m.times[a.Stage-m.Stages.First]
	if t.soonest == 0 {
		return m.Travel
	}
	slowness := math.Float64frombits(m.views[p.core].known[m.index].slowness.Load())
	return duration(t.soonest*slowness) + m.Travel
}

// core is a caller's core as one of the balancer's.
func (b *Balancer) core(any int) int {
	if b.cores == 1 {
		return 0
	}
	return int(uint(any) % uint(b.cores))
}

// Pick chooses a member and counts the request as served by it until Done or Fail.
//
// Of VMs drawn at random it looks at the one that is expected to finish first (the power of
// two choices: Mitzenmacher, IEEE TPDS 2001). It is taken if the request meets its deadline
// there, for it is paid anyway: if it seldom takes longer than what remains, with the rest of
// its way to the end of the model; or, where a function can take over, if it is expected to be
// in time and is begun while the function would be too. Else a function is taken, if it is free
// to call and expected to finish earlier, or if a VM has just handed the request back. If
// nothing meets the deadline, the likeliest is taken; but a request that has no chance left, or
// would have to wait and then most likely be late, is shed.
//
// Now and then an idle VM that has become slow, or full, is tried all the same. The error is
// ErrNoPlace if no member serves the stage, ErrFull if all that do are at their limits, or none
// of the VMs looked at for an idle request has a free slot, and ErrShed.
func (b *Balancer) Pick(a Ask) (p Place, err error) {
	if err = b.pick(&a, &p); err != nil {
		return Place{}, err
	}
	return p, nil
}

// pick makes picked the place.
func (b *Balancer) pick(a *Ask, picked *Place) error {
	t := b.places()
	c := t.at(a.Generation, a.Stage)
	if c == nil || len(c.vms)+len(c.functions) == 0 {
		return ErrNoPlace
	}
	a.Core = b.core(a.Core)
	var s looked
	if a.Idle {
		return s.spare(a, c, picked)
	}
	s.find(a, c)
	p, f := s.choose(a, t), s.at(s.function)
	switch {
	case p == nil && a.tooLate(c):
		return ErrShed
	case p == nil:
		return ErrFull
	case s.trial:
	case a.hopeless(p):
		if f == nil && a.frees(c) {
			return ErrFull
		}
		return ErrShed
	}
	switch {
	case p == f:
		f.member.called(a.Now, p.hand+1)
	case f == nil && a.Late && len(c.functions) > 0, f != nil && (a.Avoid.has(f.ID()) || !a.catches(f, p)):
		p.keep = true
	case f != nil:
		p.caught = true
		a.reserve = min(max(f.tail()-f.latest(), 0), a.Remaining/4)
	}
	p.take(a, picked)
	return nil
}

// take counts the request as served at the place.
func (p *Place) take(a *Ask, picked *Place) {
	_, serving := p.member.known(a.Core)
	serving.Add(1)
	*picked = *p
}

// spare makes picked a VM that has a free slot, if one of those drawn has.
func (s *looked) spare(a *Ask, c *candidates, picked *Place) error {
	a.Late, a.Remaining = true, Never // it tries no VM that seems slow, and has the time
	s.function, s.vm = -1, -1
	if len(c.vms) > 0 {
		s.drawVM(a, c)
	}
	p := s.at(s.vm)
	if p == nil || a.rank(p) != usable || int(p.hand) >= p.member.Slots {
		return ErrFull
	}
	p.take(a, picked)
	return nil
}

// frees tells whether there is a function, at its limit now, that would be in time if it took
// the request soon.
func (a *Ask) frees(c *candidates) bool {
	for _, f := range c.functions {
		var p Place
		f.at(&p, a)
		if p.Finish-p.start() <= a.Remaining/2 && f.ID != a.Not {
			return true
		}
	}
	return false
}

// tooLate tells whether all that serves the stage is functions, at their limits now, that could not be
// in time any more if they took the request at once: there is nothing to wait for.
func (a *Ask) tooLate(c *candidates) bool {
	for _, f := range c.functions {
		var p Place
		if f.at(&p, a); !a.hopeless(&p) {
			return false
		}
	}
	return len(c.vms) == 0
}

// looked is what one Pick has looked at.
type looked struct {
	places   [3]Place
	function int  // the place that is expected to finish first; -1 if there is none
	vm       int  // the best that was seen
	trial    bool // the VM is tried, though it does not seem to be in time
}

// find looks for a function and a VM. A function that has failed many counts only where no VM will do.
func (s *looked) find(a *Ask, c *candidates) {
	s.function, s.vm = -1, -1
	out := false
	if len(c.functions) > 0 && c.function(a, &s.places[0]) {
		if out = a.rank(&s.places[0]) == ejected; !out {
			s.function = 0
		}
	}
	if len(c.vms) > 0 {
		s.drawVM(a, c)
	}
	if v := s.at(s.vm); out && (v == nil || a.rank(v) >= failed || a.hopeless(v)) {
		s.function = 0
	}
}

// at is one of the places; nil if it is none.
func (s *looked) at(i int) *Place {
	if i < 0 {
		return nil
	}
	return &s.places[i]
}

// choose chooses between the VM and the function; nil if there is neither.
func (s *looked) choose(a *Ask, t *table) *Place {
	v, f := s.at(s.vm), s.at(s.function)
	if v == nil && f == nil {
		return nil
	}
	if v == nil {
		a.leave(t, f)
		return f
	}
	a.leave(t, v)
	rank, inTime := a.rank(v), a.fits(v, f)
	v.hopes, v.pressed = !inTime, v.Finish > a.Remaining/4
	switch {
	case f != nil && rank < failed && a.Avoid.has(f.ID()): // it has just failed the request
		if a.hopeless(v) {
			return f
		}
		return v
	case f != nil && (a.Late || rank >= failed && !a.Avoid.has(f.ID())):
		return f
	case rank == usable && inTime:
		return v
	case v.member.toTry(a, v.Finish):
		s.trial = true
		return v
	case f == nil:
		return v
	case a.fits(f, nil):
		return f
	case inTime:
		return v
	case a.starts(f):
		return f
	case f.Finish < v.Finish, a.hopeless(v):
		return f
	}
	return v
}

// startEvery is how many requests that may be late at VMs there are for each one that starts an
// instance of a function, though it will be late itself: those behind it find the instance warm.
const startEvery = 8

// starts tells whether a request is to start an instance.
func (a *Ask) starts(f *Place) bool {
	return f.cold && f.latest()-f.start() <= a.Remaining && a.Random>>24%startEvery == 0
}

// fits tells whether a request meets its deadline at a place, or would go on in a function in
// time if it does not. F may be nil.
func (a *Ask) fits(p, f *Place) bool {
	if a.Without&Deadlines != 0 {
		return p.member.Kind == Function || int(p.hand) < p.member.Slots*p.member.Batch
	}
	switch {
	case f != nil && p.Finish-p.wait+p.cautiously(p.wait) > a.Remaining:
		return false
	case f != nil && a.catches(f, p):
		return true
	case p.alone > a.Remaining: // it has to hope for an early exit in any case
		return p.Finish <= a.Remaining
	}
	return p.surely() <= a.Remaining
}

// tailCaution bounds by how much more than a function's tail is left for it: at most that much of the misses is
// the function's, and beyond it the caution that VMs deserve would send all requests to functions.
const tailCaution = 1.5

// catches tells whether a function would still be in time for a request that a VM hands back
// when it would begin it.
func (a *Ask) catches(f, v *Place) bool {
	return v.member.Travel+v.cautiously(v.wait)+duration(min(v.view().cautious(), tailCaution)*float64(f.tail())) <= a.Remaining
}

// hopeless tells whether a request is to be shed rather than sent to the likeliest place: it
// could not be in time any more, even if it left at the first exit once those ahead of it were done,
// as far as there is doubt that they will be given up.
func (a *Ask) hopeless(p *Place) bool {
	m := p.member
	if a.Remaining == Never || a.Without&(Shedding|Deadlines) != 0 || m.Supposed && p.view().visits.Load() < seasoned {
		return false
	}
	least := p.soonest(a)
	if m.Kind == Function || a.Priority >= Critical || int(p.hand) < m.Slots {
		return least > a.Remaining
	}
	doubt := p.doubt(a)
	if a.Priority <= Sheddable {
		doubt += sheddableDoubt
	}
	return least+duration(doubt*float64(p.ahead())) > a.Remaining
}

// ahead is how long a VM is expected to be busy with what it has, in batches as large as that makes
// them.
func (p *Place) ahead() time.Duration {
	_, company := p.member.busy(1, int(p.hand))
	own := p.Finish - p.wait - p.member.Travel
	return p.wait + own - duration(float64(own)/company)
}

// How good it is to send a request to a place, the best first.
const (
	usable   = iota
	roomless // it has as many requests as it may
	failed   // it has just failed the request
	ejected  // it has failed many
	excluded
)

func (a *Ask) rank(p *Place) int {
	h, id, odd := p.member.health(), p.member.ID, p.member.odd()
	switch {
	case id == a.Not:
		return excluded
	case odd && h.out(a.Now):
		return ejected
	case a.Avoid.has(id):
		return failed
	case odd && a.With&Rooms != 0 && int(p.hand) >= h.limit():
		return roomless
	}
	return usable
}

// trials is how many requests that an idle VM seems too slow for go elsewhere for each one
// that tries it all the same: one in so many is late if the VM really is too slow.
const trials = 256

// trial tells whether a request may be spent on a VM that seems slow. One that is late
// already has no time to spend.
func (a *Ask) trial() bool { return !a.Late && a.Random>>8%trials == 0 }
