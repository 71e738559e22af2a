package balancer

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// What a request ends in when it has no answer.
var (
	ErrDeadline = errors.New("deadline exceeded")
	ErrNoPlace  = errors.New("no place to run the stage")   // nothing serves it, or all are at their limits
	ErrTries    = errors.New("failed at every place tried") // wraps the last place's error
	ErrInvalid  = errors.New("refused as invalid")          // by a worker; trying elsewhere would not help
	errLate     = fmt.Errorf("%w: handed back before it had run", ErrDeadline)
	errUnknown  = errors.New("the place gave no reason")
	errProtocol = errors.New("the reply's stage is not one that could come next")
)

// Never is the time of what does not happen, and the deadline of a request without.
const Never = time.Duration(math.MaxInt64)

// Rules are how a request is treated. The zero value of a field but Stages is its
// default.
type Rules struct {
	Stages int // of the model
	// Tries is how many places may fail a request in a row, without its getting a
	// stage further, before it is given up; default 3.
	Tries int
	// Patience is how many times the time that it seldom exceeds (Member.Longest) a place
	// gets before the request is taken from it and sent elsewhere; default 3. A place gets at least Floor, and in
	// either case the member's Cold in addition.
	Patience float64
	Floor    time.Duration // default 20 ms
}

func (r Rules) withDefaults() Rules {
	if r.Tries == 0 {
		r.Tries = 3
	}
	if r.Patience == 0 {
		r.Patience = 3
	}
	if r.Floor == 0 {
		r.Floor = 20 * time.Millisecond
	}
	return r
}

// Outcome is what became of one attempt.
type Outcome uint8

// The outcomes. After Refused and Failed another place is tried.
const (
	Exited  Outcome = iota // it left at the exit of Reply.Stage
	Passed                 // it is to go on at Reply.Stage: the place ends before it, or would be late
	Refused                // the place takes no more: full, draining, throttled
	Failed                 // lost, broken or wrong
	Invalid                // the request itself is at fault
)

// Reply is what came back from a place.
type Reply struct {
	Outcome Outcome
	Stage   int
	Service time.Duration // how long the place worked on it; 0 if that and Load are not known
	Load    int           // requests that the place still has, waiting and in service
	Err     error         // of Refused, Failed and Invalid
}

// Step is what the driver does after an event: first cancel, then send or finish.
type Step struct {
	Cancel uint32 // attempt to cancel; 0 for none
	Send   bool
	Finish bool

	// Of Send.
	Attempt   uint32 // to be given back with the reply
	Place     Place
	Stage     int           // the stage to begin with
	Remaining time.Duration // until the deadline; Never without one

	// Of Finish.
	Exit int   // stage whose exit answered; -1 with Err
	Err  error // why there is no answer
}

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
	r.land(r.learns(reply))
	switch reply.Outcome {
	case Exited:
		if reply.Stage >= r.stage && r.place.Stages().Has(reply.Stage) {
			return r.finish(reply.Stage, nil, 0)
		}
	case Passed:
		if reply.Stage >= r.stage && reply.Stage < r.rules.Stages && reply.Stage <= r.place.Stages().Last+1 {
			return r.passed(now, reply.Stage, random)
		}
	case Refused, Failed:
		return r.elsewhere(now, reply.Err, random, 0)
	case Invalid:
		if reply.Err == nil {
			reply.Err = errUnknown
		}
		return r.finish(-1, fmt.Errorf("%w: %w", ErrInvalid, reply.Err), 0)
	}
	return r.elsewhere(now, errProtocol, random, 0)
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

// GiveUp ends the request because its caller has gone.
func (r *Request) GiveUp(err error) Step {
	if r.ended {
		return Step{}
	}
	cancel := uint32(0)
	if r.flying {
		cancel = r.attempt
		r.land(0, -1)
	}
	return r.finish(-1, err, cancel)
}

func (r *Request) elsewhere(now time.Duration, err error, random uint64, cancel uint32) Step {
	if err == nil {
		err = errUnknown
	}
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
	p, ok := r.balancer.Pick(Ask{Stage: r.stage, Generation: r.generation.number, Remaining: remaining, Late: r.late, Avoid: r.avoid, Random: random, Core: r.core})
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

// allowed is how long a place may take before the request is sent elsewhere.
func (r *Request) allowed() time.Duration {
	const longest = Never / 4 // lest times beyond it overflow
	allowed := time.Duration(min(r.rules.Patience*float64(r.place.latest), float64(longest)))
	return max(allowed, min(r.rules.Floor, longest)) + min(r.place.member.Cold, longest)
}

// learns is what a reply says of its place. The time of a request that was handed back on
// the way is not that of the whole way, which is expected of the place: believed, it would
// make a place that is late seem fast.
func (r *Request) learns(reply Reply) (service time.Duration, load int) {
	switch {
	case reply.Service == 0:
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
