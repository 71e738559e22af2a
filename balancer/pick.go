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

// trials is how many requests that an idle VM seems too slow for go elsewhere for each one
// that tries it all the same: one in so many is late if the VM really is too slow.
const trials = 256

// trial tells whether a request may be spent on a VM that seems slow. One that is late
// already has no time to spend.
func (a *Ask) trial() bool { return !a.Late && a.Random>>8%trials == 0 }

// Pick chooses a member and counts the request as served by it until Done.
//
// Of two VMs drawn at random it looks at the one that is expected to finish first
// (the power of two choices: Mitzenmacher, IEEE TPDS 2001). That one is taken if it
// finishes in the remaining time, for it is paid anyway; else a function, if one is
// free to call and expected to finish earlier, or if a VM has just handed the request
// back. Now and then an idle VM that has become slow, or full, is tried all the same. Ok is false
// if no member serves the stage, or those that do are all at their limits.
func (b *Balancer) Pick(a Ask) (p Place, ok bool) {
	c := b.places().at(a.Generation, a.Stage)
	if c == nil {
		return p, false
	}
	a.Core = b.core(a.Core)
	p = c.vm(a)
	if p.member != nil && p.Finish > a.Remaining && p.member.toTry(a, p.Finish) {
		a.Remaining = p.Finish // it is taken as if it were in time
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
