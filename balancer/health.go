package balancer

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// health is how a member fares, as all cores see it. It is written when something goes
// wrong, and while that is being got over.
type health struct {
	ejected atomic.Int64  // until when it is not picked
	room    atomic.Uint64 // of float64: how many requests it may have in hand
	cut     atomic.Int64  // when its room was last cut
	failed  atomic.Int32  // requests in a row
	ejects  atomic.Int32  // in a row
}

func (m *member) health() *health { return &m.block.health[m.index] }

const (
	unlimited = math.MaxInt32
	boundless = float64(unlimited) // room
)

// limit is how many requests the member may have in hand.
func (h *health) limit() int { return int(math.Float64frombits(h.room.Load())) }

// startSlowly gives a VM that joins others room for one batch in each slot, and one more
// with each answer: caches, pages and threads that are cold are seldom counted in its times.
func (h *health) startSlowly(m *member) { h.allow(m, float64(m.Slots*m.Batch)) }

func (h *health) allow(m *member, room float64) {
	h.room.Store(math.Float64bits(room))
	m.mark(room < boundless || h.ejected.Load() != 0)
}

// odd tells whether the member's health says something.
func (m *member) odd() bool { return m.block.odd.Load()&(1<<m.index) != 0 }

func (m *member) mark(odd bool) {
	if odd {
		m.block.odd.Or(1 << m.index)
	} else {
		m.block.odd.And(^uint32(1 << m.index))
	}
}

// A member whose room has grown to so many times what it serves at once has shown that it
// needs no limit. A cut leaves it a part of what it had in hand.
const (
	enough  = 64
	cutting = 0.7
)

// grow gives a member that uses all of its room more: a request for each answer, or, once
// it has been cut, for each round of answers (additive increase, multiplicative decrease:
// Chiu and Jain, 1989; slow start: Jacobson, SIGCOMM 1988).
func (h *health) grow(m *member, hand int) {
	if !m.odd() {
		return
	}
	room := math.Float64frombits(h.room.Load())
	if room >= boundless || float64(hand+1) < math.Floor(room) {
		return
	}
	if m.Kind == Function {
		h.allow(m, room*(1+limitStep))
		return
	}
	more := 1.0
	if h.cut.Load() > 0 {
		more = 1 / room
	}
	if room += more; room > float64(enough*max(m.Slots*m.Batch, 1)) {
		room = boundless
		h.cut.Store(0)
	}
	h.allow(m, room)
}

// limitStep is the part by which a function's room grows with each answer that has used all of it,
// and shrinks with each refusal: it settles where of the calls at the limit as many are refused as
// are answered. A cloud counts the calls that run, which are fewer than those in hand by as many as
// are on the way, now more and now less: to be refused hardly ever would leave much of the limit
// unused, and a call that is refused can still be made elsewhere.
const limitStep = 0.05

// shrink takes room from a member that has refused a request: from a VM once in the time of a visit,
// since the requests that were sent before will say the same; from a function unless there is already
// less room than when the request was sent, for a burst is refused many times at once. What a VM hands
// back because it would be late is no sign: a VM that is paid for is best kept so busy that it sometimes
// does. Nor is it if a function refuses the only call: that is for others' sake, and to make one at a time
// would not help.
func (h *health) shrink(m *member, now, visit time.Duration, hand int) {
	if m.Kind == Function {
		if room := math.Float64frombits(h.room.Load()); hand > 0 && float64(hand) <= room {
			h.allow(m, max(min(room, float64(hand+1))*(1-limitStep), 1))
		}
		return
	}
	if last := h.cut.Load(); last > 0 && now < time.Duration(last)+visit {
		return
	}
	h.cut.Store(int64(max(now, 1)))
	h.allow(m, max(cutting*float64(hand), float64(m.Slots*m.Batch)))
}

// A member that fails so many requests in a row is not picked for a while, which doubles
// each time up to a longest.
const (
	failuresInARow = 5
	ejection       = time.Second
	ejectDoublings = 5
)

// out tells whether a member has been ejected, and not long enough ago.
func (h *health) out(now time.Duration) bool {
	until := h.ejected.Load()
	return until != 0 && now < time.Duration(until)
}

// recover notes an answer.
func (h *health) recover(m *member) {
	if h.failed.Load() != 0 {
		h.failed.Store(0)
	}
	if h.ejects.Load() != 0 {
		h.ejects.Store(0)
		h.ejected.Store(0)
		h.allow(m, math.Float64frombits(h.room.Load()))
	}
}

// fails notes that a member has failed a request. One that has failed too many in a row is ejected;
// a VM is not if less than a quarter of its group would be left in a generation: if all seem broken, it
// is rather something else that is. A function that is ejected is called all the same where no VM will do.
func (b *Balancer) fails(m *member, now time.Duration) {
	h := m.health()
	if h.failed.Add(1) < failuresInARow || h.out(now) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.Kind == VM && b.tooFew(m, now) {
		return
	}
	h.failed.Store(0)
	m.mark(true)
	h.ejected.Store(int64(now + ejection<<min(h.ejects.Add(1)-1, ejectDoublings)))
}

// tooFew tells whether less than a quarter of a member's group would be left without it in a generation.
func (b *Balancer) tooFew(m *member, now time.Duration) bool {
	return slices.ContainsFunc(b.members[m.ID], func(m *member) bool { // also as it has been described anew since
		return slices.ContainsFunc(m.generations, func(generation uint64) bool {
			in, out := b.ejectable(m.group, generation, now)
			return 4*(in-out-1) < in
		})
	})
}

// ejectable counts the members of a group that serve a generation, and those of them that are ejected.
// One that drains serves none.
func (b *Balancer) ejectable(g *group, generation uint64, now time.Duration) (in, out int) {
	for _, here := range b.members {
		for _, m := range here {
			if m.group == g && slices.Contains(m.generations, generation) {
				in++
				if m.health().out(now) {
					out++
				}
			}
		}
	}
	return in, out
}
