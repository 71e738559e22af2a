// Package balancer decides where one request goes now. It is told which virtual
// machines and functions there are and what became of the requests sent to them, and
// picks a place for the next. It starts no goroutine, reads no clock, draws no random
// number of its own and does no I/O: service and simulation drive the same code.
//
// Times are durations since an origin of the driver's choice.
package balancer

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Kind is what a member is.
type Kind uint8

// The kinds of member. VMs are paid whether busy or not, functions by the request.
const (
	VM Kind = iota
	Function
)

// ErrMember marks a member that cannot be taken as it is described.
var ErrMember = errors.New("bad member")

// Member is a virtual machine or a function that serves contiguous stages.
type Member struct {
	ID     uint64 // the driver's; not 0
	Kind   Kind
	Stages stage.Range
	// Slots is how many requests it serves at once. For a function it is the limit of
	// concurrent calls; 0 means that none is known.
	Slots int
	// Batch is how many requests of one stage a slot of a VM serves together; 0 means 1.
	Batch int
	// Service has, for each stage of the range, the expected time of a request that
	// enters there, alone, until it has left the range. Replies correct it.
	Service []time.Duration
	// Longest has, like Service, a time that such a request seldom exceeds alone, as one
	// that goes all the way does: what a request's patience is measured by. Default: Service.
	Longest []time.Duration
	// Travel is how long a request and its reply are on the way to it and back.
	Travel time.Duration
	// Cold is how much longer a reply may be in coming because the place first starts,
	// as an instance of a function does. Only a request's patience takes it into account.
	Cold time.Duration
}

func (m Member) validate() error {
	switch {
	case m.ID == 0:
		return fmt.Errorf("%w: its ID is 0", ErrMember)
	case m.Stages.First < 0 || m.Stages.Len() < 1:
		return fmt.Errorf("%w %d: it serves stages %d to %d", ErrMember, m.ID, m.Stages.First, m.Stages.Last)
	case len(m.Service) != m.Stages.Len():
		return fmt.Errorf("%w %d: %d service times for %d stages", ErrMember, m.ID, len(m.Service), m.Stages.Len())
	case m.Kind == VM && m.Slots < 1 || m.Slots < 0 || m.Batch < 0:
		return fmt.Errorf("%w %d: %d slots, batches of %d", ErrMember, m.ID, m.Slots, m.Batch)
	}
	if m.Cold < 0 || m.Travel < 0 {
		return fmt.Errorf("%w %d: a cold start of %v, %v on the way", ErrMember, m.ID, m.Cold, m.Travel)
	}
	if m.Longest != nil && len(m.Longest) != len(m.Service) {
		return fmt.Errorf("%w %d: %d longest times for %d stages", ErrMember, m.ID, len(m.Longest), m.Stages.Len())
	}
	for _, s := range m.Service {
		if s <= 0 {
			return fmt.Errorf("%w %d: service time %v: give the time a request takes", ErrMember, m.ID, s)
		}
	}
	return nil
}

// Balancer holds the members of one model. It is safe for concurrent use. Pick and
// Done take no lock, but for the first Pick after members have joined or left.
//
// A plan has a generation, and a request ends on the generation that it began with: it
// is only sent to members of that one. A member may be of several.
type Balancer struct {
	cores   int
	mu      sync.Mutex
	members map[uint64]*member
	block   *block                     // the newest
	past    []*generation              // published before, and not retired
	current atomic.Pointer[generation] // in which requests begin
	table   atomic.Pointer[table]      // nil after a change, until the next Pick
}

// New returns a balancer without members. Requests begin in generation 0 until another
// is published.
func New() *Balancer { return NewShared(1) }

// NewShared returns a balancer that so many cores can use at once without waiting for each
// other. Each knows exactly what its own requests are doing, and what those of the
// others were doing a while ago: one pick in some 16 to 64 looks them up. Such views are as
// good as true ones if they are not too old (local shortest queue: Vargaftik, Keslassy and
// Orda, IEEE/ACM ToN 2020).
func NewShared(cores int) *Balancer {
	b := &Balancer{cores: max(cores, 1), members: map[uint64]*member{}}
	b.current.Store(b.newGeneration(0))
	return b
}

// Join adds a member to a generation. A member that is here already, and is described
// as before, keeps its load and serves both generations; one that was draining is
// picked again. Its error wraps ErrMember.
func (b *Balancer) Join(m Member, generation uint64) error {
	if err := m.validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.members[m.ID]
	switch {
	case !ok:
		old = b.add(newMember(m))
	case old.Kind != m.Kind || old.Stages != m.Stages || old.Slots != m.Slots || old.Batch != max(m.Batch, 1):
		return fmt.Errorf("%w %d: it has joined as another: let it leave first", ErrMember, m.ID)
	}
	old.join(generation)
	b.table.Store(nil)
	return nil
}

func (b *Balancer) add(m *member) *member {
	if b.block == nil || b.block.taken == perBlock {
		b.block = newBlock(b.cores)
	}
	m.block, m.index = b.block, b.block.taken
	b.block.taken++
	b.members[m.ID] = m
	return m
}

// Drain stops picking a member; what it is serving goes on. It is no error if the
// member is not here.
func (b *Balancer) Drain(id uint64) {
	b.change(id, func(m *member) { m.generations = nil })
}

// Leave forgets a member that has ended or is lost. Requests that it was serving may
// still be reported by Done.
func (b *Balancer) Leave(id uint64) {
	b.change(id, func(*member) { delete(b.members, id) })
}

func (b *Balancer) change(id uint64, f func(*member)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m, ok := b.members[id]; ok {
		f(m)
		b.table.Store(nil)
	}
}

// Serving is the number of requests that a member has in hand; 0 for one that is not
// here.
func (b *Balancer) Serving(id uint64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m, ok := b.members[id]; ok {
		return m.serving()
	}
	return 0
}

// Ask is a request that needs a place.
type Ask struct {
	Stage      int // the next to run
	Generation uint64
	Remaining  time.Duration // until its deadline
	Late       bool          // a VM has handed it back because it would be late there: a function is taken if there is one
	Avoid      uint64        // a member that has just failed it, taken only if there is no other; 0 for none
	Random     uint64        // 64 random bits
	// Core says whose request it is, from 0; by default 0, and modulo the balancer's cores.
	// Any number is right. Requests are fastest with that of the processor they run on,
	// or of a worker that stays on one, and slowest if all say the same.
	Core int
}

// Place is where a request goes. The zero Place is none.
type Place struct {
	member *member
	core   int
	Finish time.Duration // expected, from now until its reply is back
	latest time.Duration // seldom exceeded
}

// ID is the member's.
func (p Place) ID() uint64 { return p.member.ID }

// Kind is the member's.
func (p Place) Kind() Kind { return p.member.Kind }

// Stages is what the member serves.
func (p Place) Stages() stage.Range { return p.member.Stages }

// core is a caller's core as one of the balancer's.
func (b *Balancer) core(any int) int {
	if b.cores == 1 {
		return 0
	}
	return int(uint(any) % uint(b.cores))
}

// trials is how many requests that an idle VM seems too slow for go to a function for
// each one that tries it all the same.
const trials = 64

// Pick chooses a member and counts the request as served by it until Done.
//
// Of two VMs drawn at random it looks at the one that is expected to finish first
// (the power of two choices: Mitzenmacher, IEEE TPDS 2001). That one is taken if it
// finishes in the remaining time, for it is paid anyway; else a function, if one is
// free to call and expected to finish earlier, or if a VM has just handed the request
// back. Ok is false if no member serves the
// stage, or those that do are all at their limits.
func (b *Balancer) Pick(a Ask) (p Place, ok bool) {
	c := b.places().at(a.Generation, a.Stage)
	if c == nil {
		return p, false
	}
	a.Core = b.core(a.Core)
	p = c.vm(a)
	if p.member != nil && p.Finish > a.Remaining && !a.Late && a.Random>>8%trials == 0 && p.member.untried(a) {
		a.Remaining = p.Finish // try it
	}
	if p.member == nil || p.Finish > a.Remaining || p.member.ID == a.Avoid || a.Late {
		if f := c.function(a); f.member != nil && (p.member == nil || f.Finish < p.Finish || p.member.ID == a.Avoid || a.Late) {
			p = f
		}
	}
	if p.member == nil {
		return p, false
	}
	_, serving := p.member.known(p.core)
	serving.Add(1)
	return p, true
}

// Done reports that a request is no longer in a member's hands; call it once for each
// Pick. What the member has said corrects what is expected of it: service is how long
// it worked on the request, without waiting, and load how many requests it still had,
// whoever sent them. Service is 0 if it is not known, or not that of the whole way from
// where the request entered; load is negative if it is not known.
func (b *Balancer) Done(p Place, entered int, service time.Duration, load int) {
	k, serving := p.member.known(p.core)
	mine := int(serving.Add(-1) + k.seen.Load())
	if m := p.member; service > 0 && m.Stages.Has(entered) {
		k.learn(float64(service) / float64(m.Service[entered-m.Stages.First]))
	}
	if load >= 0 {
		k.hear(int32(min(max(load-mine, 0), math.MaxInt32)))
	}
}
