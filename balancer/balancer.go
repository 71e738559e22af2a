// Package balancer decides where one request goes now. It is told which virtual
// machines and functions there are and what became of the requests sent to them, and
// picks a place for the next. It starts no goroutine, reads no clock, draws no random
// number of its own and does no I/O: service and simulation drive the same code. What each of
// its mechanisms is worth stands in ABLATION.md, which examples/ablation prints.
//
// Times are durations since an origin of the driver's choice.
package balancer

import (
	"errors"
	"fmt"
	"slices"
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
	// Batch is how many requests of one stage a slot of a VM serves together, at most; 0 means 1.
	Batch int
	// Once is the part of a request's time that a batch takes once, and not for each of its
	// requests, from 0 to 1: n requests take Once + n*(1-Once) times as long as one.
	Once float64
	// Service has, for each stage of the range, the expected time of a request that
	// enters there, alone, until it has left the range. Replies correct it.
	Service []time.Duration
	// Longest has, like Service, a time that such a request seldom exceeds alone, as one
	// that goes all the way does: by it a place is in time or not, and a request's patience
	// is measured. Default: Service.
	Longest []time.Duration
	// Soonest has, like Service, the least that such a request can take, as one that leaves at
	// the first exit does: with less time left it is shed. Default: 0.
	Soonest []time.Duration
	// Each has, by stage of the range, the expected time of the stage itself. With it, a member
	// whose requests go deep is told from one that is slow. Default: it is not.
	Each []time.Duration
	// Supposed says that these times are no better than a guess: before replies have corrected
	// them, no request is shed by them.
	Supposed bool
	// Travel is how long a request and its reply are on the way to it and back.
	Travel time.Duration
	// Cold is how much longer a reply of a function may be in coming because an instance first
	// starts. Instances are known by the calls that ran at one time not long ago: those beyond
	// that are expected to start one.
	Cold time.Duration
	// KeepAlive is how long an instance of a function waits for another call; default 5 min.
	KeepAlive time.Duration
	// Warm is how many instances are to be kept when it joins first: see Balancer.Warm.
	Warm int
}

func (m Member) validate() error {
	switch {
	case m.ID == 0:
		return fmt.Errorf("%w: its ID is 0", ErrMember)
	case m.Stages.First < 0 || m.Stages.Len() < 1:
		return fmt.Errorf("%w %d: it serves stages %d to %d", ErrMember, m.ID, m.Stages.First, m.Stages.Last)
	case len(m.Service) != m.Stages.Len():
		return fmt.Errorf("%w %d: %d service times for %d stages", ErrMember, m.ID, len(m.Service), m.Stages.Len())
	case m.Kind == VM && m.Slots < 1 || m.Slots < 0 || m.Batch < 0 || !(m.Once >= 0 && m.Once <= 1):
		return fmt.Errorf("%w %d: %d slots, batches of %d that spend %v of a request's time once", ErrMember, m.ID, m.Slots, m.Batch, m.Once)
	}
	if m.Cold < 0 || m.KeepAlive < 0 || m.Travel < 0 || m.Warm < 0 {
		return fmt.Errorf("%w %d: a cold start of %v, %d kept warm for %v, %v on the way", ErrMember, m.ID, m.Cold, m.Warm, m.KeepAlive, m.Travel)
	}
	for _, times := range [][]time.Duration{m.Longest, m.Soonest, m.Each} {
		if times != nil && len(times) != len(m.Service) {
			return fmt.Errorf("%w %d: %d longest, %d soonest times and %d for each of %d stages", ErrMember, m.ID, len(m.Longest), len(m.Soonest), len(m.Each), m.Stages.Len())
		}
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
// is only sent to members of that one. A member may be of several, and serve other stages in
// each: what it has in hand, and how it fares, is one.
type Balancer struct {
	cores   int
	purses  []purse // by core
	paces   []pace  // by core
	mu      sync.Mutex
	members map[uint64][]*member // as what each is here: one for each range of stages that it serves
	groups  map[groupKey]*group
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
	cores = max(cores, 1)
	b := &Balancer{cores: cores, purses: newPurses(cores), paces: newPaces(cores), members: map[uint64][]*member{}, groups: map[groupKey]*group{}}
	b.current.Store(b.newGeneration(0))
	return b
}

// Join adds a member to a generation. A member that is here already keeps its load and
// serves both generations, for other stages if it is described so; one that was draining is picked
// again. It may be described anew: that then replaces what is expected of it, for all generations in
// which it serves these stages, and service times that it has shown before no longer count. Within a
// generation its stages stay the same, and it never is of another kind. Its error wraps ErrMember.
func (b *Balancer) Join(m Member, generation uint64) error {
	if err := m.validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	here := b.members[m.ID]
	if slices.ContainsFunc(here, func(old *member) bool {
		return old.Kind != m.Kind || old.Stages != m.Stages && slices.Contains(old.generations, generation)
	}) {
		return fmt.Errorf("%w %d: it has joined as another: let it leave first", ErrMember, m.ID)
	}
	n := newMember(m)
	switch i := slices.IndexFunc(here, func(old *member) bool { return old.Stages == m.Stages }); {
	case len(here) == 0:
		b.add(n)
		here = []*member{n}
	case i < 0:
		n.shares(here[0])
		n.group = b.groupOf(n)
		here = append(here, n)
	case here[i].describes(n):
		n = here[i]
	default:
		n.replaces(here[i])
		here[i] = n
	}
	n.join(generation)
	b.members[m.ID] = slices.DeleteFunc(here, func(m *member) bool { return len(m.generations) == 0 })
	b.table.Store(nil)
	return nil
}

func (b *Balancer) add(m *member) {
	if b.block == nil || b.block.taken == perBlock {
		b.block = newBlock(b.cores)
	}
	m.block, m.index, m.views, m.group = b.block, b.block.taken, b.block.views, b.groupOf(m)
	b.block.taken++
	m.warm().peak = float64(m.Warm) / warmMargin
	if m.Kind == VM && m.group.serves() {
		m.health().startSlowly(m)
	}
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
	for _, m := range b.members[id] {
		f(m)
		b.table.Store(nil)
	}
}

// Serving is the number of requests that a member has in hand, of all generations; 0 for one that
// is not here.
func (b *Balancer) Serving(id uint64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if here := b.members[id]; len(here) > 0 {
		return here[0].serving()
	}
	return 0
}
