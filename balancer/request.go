package balancer

import (
	"fmt"
	"time"
)

// Request is the way of one request through the places that serve its stages. It is
// plain state: events and the time go in, a Step comes out, and Wake says when Tick is
// due. It ends exactly once; events that come after, twice or out of order change
// nothing. It is not safe for concurrent use.
type Request struct {
	balancer   *Balancer
	rules      Rules
	core       int
	generation *generation
	deadline   time.Duration
	wake       time.Duration
	stage      int
	tries      int
	avoid      uint64
	attempt    uint32 // the last one sent
	late       bool   // the last place has handed it back because it would be late there
	flying     bool   // the last attempt has not come back
	ended      bool
	place      Place
	last       error // of the place that failed last
}

// NewRequest is a request that begins now with stage 0, in the current generation. Core
// is whose it is: see Ask. Deadline is the time by which it is to be answered; Never for
// none. Start it: a generation that it has begun in is not retired before it ends.
func NewRequest(b *Balancer, core int, r Rules, deadline time.Duration) Request {
	core = b.core(core)
	return Request{balancer: b, core: core, rules: r.withDefaults(), generation: b.begin(core), deadline: deadline, wake: Never}
}

// Start sends the request on its way. Random, here and below, is 64 random bits.
func (r *Request) Start(now time.Duration, random uint64) Step {
	if r.attempt > 0 || r.ended {
		return Step{}
	}
	return r.send(now, random, 0)
}

// Wake is when Tick is due if no reply comes before; Never once the request has ended.
func (r *Request) Wake() time.Duration { return r.wake }

// Generation is that of the plan which the request began with.
func (r *Request) Generation() uint64 { return r.generation.number }

// Reply takes what an attempt came to.
func (r *Request) Reply(now time.Duration, attempt uint32, reply Reply, random uint64) Step {
	if r.ended || !r.flying || attempt != r.attempt {
		return Step{}
	}
	possible := r.possible(reply)
	if possible {
		r.land(r.learns(reply))
	} else {
		r.land(0, -1)
	}
	switch {
	case reply.Outcome == Invalid:
		return r.finish(-1, fmt.Errorf("%w: %w", ErrInvalid, reason(reply.Err)), 0)
	case reply.Outcome == Refused || reply.Outcome == Failed:
		return r.elsewhere(now, reply.Err, random, 0)
	case !possible:
		return r.elsewhere(now, errProtocol, random, 0)
	case reply.Outcome == Exited:
		return r.finish(reply.Stage, nil, 0)
	}
	return r.passed(now, reply.Stage, random)
}

// possible tells whether a reply says that the place has done its part, up to a stage that
// could come next.
func (r *Request) possible(reply Reply) bool {
	in := r.place.Stages()
	switch reply.Outcome {
	case Exited:
		return reply.Stage >= r.stage && in.Has(reply.Stage)
	case Passed:
		return reply.Stage >= r.stage && reply.Stage < r.rules.Stages && reply.Stage <= in.Last+1
	}
	return false
}

// passed goes on at a stage. A place that hands a request back without having run a
// stage has failed it.
func (r *Request) passed(now time.Duration, stage int, random uint64) Step {
	r.late = r.place.Stages().Has(stage)
	if stage == r.stage {
		return r.elsewhere(now, errLate, random, 0)
	}
	r.stage, r.tries, r.avoid = stage, 0, 0
	if r.late {
		r.avoid = r.place.ID()
	}
	return r.send(now, random, 0)
}

// Tick is to be called at Wake: the place has had its time, or the request has.
func (r *Request) Tick(now time.Duration, random uint64) Step {
	if r.ended || now < r.wake {
		return Step{}
	}
	cancel := uint32(0)
	if r.flying {
		cancel = r.attempt
		r.land(0, -1)
	}
	if now >= r.deadline {
		return r.finish(-1, ErrDeadline, cancel)
	}
	return r.elsewhere(now, fmt.Errorf("no reply within %v", r.allowed()), random, cancel)
}

// GiveUp ends the request because its caller has gone, with the caller's reason.
func (r *Request) GiveUp(err error) Step {
	if r.ended {
		return Step{}
	}
	cancel := uint32(0)
	if r.flying {
		cancel = r.attempt
		r.land(0, -1)
	}
	return r.finish(-1, reason(err), cancel)
}

// reason is an error, lest a request without an answer ends without one.
func reason(err error) error {
	if err == nil {
		return errUnknown
	}
	return err
}

func (r *Request) elsewhere(now time.Duration, err error, random uint64, cancel uint32) Step {
	err = reason(err)
	r.tries++
	r.avoid, r.last = r.place.ID(), err
	if r.tries >= r.rules.Tries {
		return r.finish(-1, fmt.Errorf("%w: %w", ErrTries, err), cancel)
	}
	return r.send(now, random, cancel)
}

func (r *Request) send(now time.Duration, random uint64, cancel uint32) Step {
	if now >= r.deadline {
		return r.finish(-1, ErrDeadline, cancel)
	}
	remaining := Never
	if r.deadline < Never {
		remaining = r.deadline - now
	}
	p, ok := r.balancer.Pick(Ask{Stage: r.stage, Generation: r.generation.number, Remaining: remaining, Late: r.late || r.lastTry(), Avoid: r.avoid, Random: random, Core: r.core})
	if !ok {
		err := error(ErrNoPlace)
		if r.last != nil {
			err = fmt.Errorf("%w; before that: %w", err, r.last)
		}
		return r.finish(-1, err, cancel)
	}
	r.attempt++
	r.place, r.flying = p, true
	r.wake = r.deadline
	if allowed := r.allowed(); allowed < Never-now {
		r.wake = min(now+allowed, r.deadline)
	}
	return Step{Cancel: cancel, Send: true, Attempt: r.attempt, Place: p, Stage: r.stage, Remaining: remaining}
}

// lastTry tells whether the next place to fail the request is the last. That one is a
// function if there is one: VMs that fail together would fail all tries.
func (r *Request) lastTry() bool { return r.tries > 0 && r.tries == r.rules.Tries-1 }

// allowed is how long a place may take before the request is sent elsewhere.
func (r *Request) allowed() time.Duration {
	const longest = Never / 4 // lest times beyond it overflow
	allowed := time.Duration(min(r.rules.Patience*float64(r.place.latest), float64(longest)))
	return max(allowed, min(r.rules.Floor, longest)) + min(r.place.member.Cold, longest)
}

// learns is what a reply that is possible says of its place. The time of a request that was
// handed back on the way is not that of the whole way, which is expected of the place:
// believed, it would make a place that is late seem fast. All other replies teach nothing: a
// place that fails at once would seem fast, and empty, and draw the next request too.
func (r *Request) learns(reply Reply) (service time.Duration, load int) {
	switch {
	case reply.Service <= 0:
		return 0, -1
	case reply.Outcome == Passed && r.place.Stages().Has(reply.Stage):
		return 0, reply.Load
	}
	return reply.Service, reply.Load
}

// land takes the request out of its place's hands.
func (r *Request) land(service time.Duration, load int) {
	r.balancer.Done(r.place, r.stage, service, load)
	r.flying = false
}

func (r *Request) finish(exit int, err error, cancel uint32) Step {
	r.ended, r.wake = true, Never
	r.generation.begun[r.core].Add(-1)
	return Step{Cancel: cancel, Finish: true, Exit: exit, Err: err}
}
