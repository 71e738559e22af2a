package balancer

import (
	"errors"
	"fmt"
	"time"
)

// Request is the way of one request through the places that serve its stages. It is
// plain state: events and the time go in, a Step comes out, and Wake says when Tick is
// due. It ends exactly once; events that come after, twice or out of order change
// nothing. It is not safe for concurrent use.
type Request struct {
	balancer   *Balancer
	generation *generation
	deadline   time.Duration
	wake       time.Duration
	core       int
	stage      int
	attempt    uint32 // the last one sent
	late       bool   // the last place has handed it back because it would be late there
	started    bool
	ended      bool
	hedged     bool // at this stage
	turned     bool // away by a place, since it last waited
	flights    [2]flight
	rules      Rules

	// What few requests have.
	tries   int
	avoid   Avoid
	hedgeAt time.Duration // if at all, not before that
	back    *groupView    // of the VM that has handed it back for a function
	waits   int           // for places at their limits, at this stage
	waiting time.Duration // until when, for them; 0 if it is not
	waited  time.Duration // for them, in all
	last    error         // of the place that failed last
}

// NewRequest is a request that begins now with stage 0, in the current generation. Core
// is whose it is: see Ask. Deadline is the time by which it is to be answered; Never for
// none. Start it: a generation that it has begun in is not retired before it ends.
func NewRequest(b *Balancer, core int, r Rules, deadline time.Duration) (q Request) {
	q.balancer, q.core, q.rules, q.deadline, q.wake, q.late = b, b.core(core), r, deadline, Never, r.Functions
	q.rules.setDefaults()
	if r.Idle {
		q.deadline = Never
	} else {
		b.purses[q.core].earn(int64(q.rules.Hedge * price))
	}
	q.generation = b.begin(q.core)
	return q
}

// Start sends the request on its way. Random, here and below, is 64 random bits.
func (r *Request) Start(now time.Duration, random uint64) (s Step) {
	if r.started || r.ended {
		return s
	}
	r.started = true
	if !r.rules.Idle {
		if miss := r.balancer.begins(r.core, now); r.rules.Miss == 0 {
			r.rules.Miss = miss
		}
	}
	r.send(&s, now, random, 0)
	r.rest()
	return s
}

// Wake is when Tick is due if no reply comes before; Never once the request has ended.
func (r *Request) Wake() time.Duration { return r.wake }

// Generation is that of the plan which the request began with.
func (r *Request) Generation() uint64 { return r.generation.number }

// Reply takes what an attempt came to.
func (r *Request) Reply(now time.Duration, attempt uint32, reply Reply, random uint64) (s Step) {
	f := r.find(attempt)
	if r.ended || f == nil {
		return s
	}
	r.take(&s, now, f, &reply, random)
	r.rest()
	return s
}

// take does what a reply asks for.
func (r *Request) take(s *Step, now time.Duration, f *flight, reply *Reply, random uint64) {
	m, took := f.place.member, now-f.sent
	switch possible := r.possible(m, reply); {
	case reply.Outcome == Invalid:
		r.crash(f, now, Nothing)
		r.finish(s, now, -1, fmt.Errorf("%w: %w", ErrInvalid, reason(reply.Err)))
	case reply.Outcome == Refused:
		r.crash(f, now, Full)
		r.refused(s, now, m, reason(reply.Err), random)
	case reply.Outcome == Failed:
		r.crash(f, now, Broken)
		r.elsewhere(s, now, m, reply.Err, random)
	case !possible:
		r.crash(f, now, Broken)
		r.elsewhere(s, now, m, errProtocol, random)
	case reply.Outcome == Exited:
		r.land(f, m, reply, took)
		r.finish(s, now, reply.Stage, nil)
	case reply.Stage == r.stage: // without having run a stage
		r.balancer.unserved(&f.place, now, took)
		r.land(f, m, reply, 0)
		r.late = true
		r.elsewhere(s, now, m, errLate, random)
	default:
		r.land(f, m, reply, took)
		r.passed(s, now, m, reply.Stage, random)
	}
}

// possible tells whether a reply says that the place has done its part, up to a stage that
// could come next.
func (r *Request) possible(m *member, reply *Reply) bool {
	in := m.Stages
	switch reply.Outcome {
	case Exited:
		return reply.Stage >= r.stage && in.Has(reply.Stage)
	case Passed:
		return reply.Stage >= r.stage && reply.Stage < r.rules.Stages && reply.Stage <= in.Last+1
	}
	return false
}

// passed goes on at a stage. What else is under way for the one before is not needed any more.
func (r *Request) passed(s *Step, now time.Duration, m *member, stage int, random uint64) {
	r.abandon(s, now)
	r.stage, r.tries, r.avoid, r.hedged, r.hedgeAt, r.waits, r.last = stage, 0, Avoid{}, false, 0, 0, nil
	if r.late = m.Stages.Has(stage); r.late {
		r.avoid.add(m.ID)
	}
	r.send(s, now, random, 0)
}

// Tick is to be called at Wake: a place has had its time, or the request has.
func (r *Request) Tick(now time.Duration, random uint64) (s Step) {
	if r.ended || now < r.wake {
		return s
	}
	r.tick(&s, now, random)
	r.rest()
	return s
}

func (r *Request) tick(s *Step, now time.Duration, random uint64) {
	if now >= r.deadline {
		r.expire(now)
		r.end(s, now, ErrDeadline)
		return
	}
	for i := range r.flights {
		f := &r.flights[i]
		if f.attempt == 0 || now < f.lost {
			continue
		}
		m, allowed := f.place.member, f.lost-f.sent
		s.cancel(f.attempt)
		r.crash(f, now, Silent)
		r.elsewhere(s, now, m, fmt.Errorf("no reply within %v", allowed), random)
		return
	}
	switch {
	case now >= r.hedges():
		r.hedge(s, now, random)
	case r.flying() == 0:
		r.waiting = 0
		r.send(s, now, random, 0)
	}
}

// expire notes where the request's time has run out.
func (r *Request) expire(now time.Duration) {
	for i := range r.flights {
		f := &r.flights[i]
		if f.attempt == 0 {
			continue
		}
		if f.place.Kind() == VM {
			f.place.learnFate(true, r.rules.Miss)
		}
		r.balancer.overdue(&f.place, now, now-f.sent)
	}
}

// GiveUp ends the request because its caller has gone, with the caller's reason. If that is a time-out,
// as context.DeadlineExceeded is, it counts as late where it is, as by a Tick at its deadline:
// whichever of the two the driver hears of first.
func (r *Request) GiveUp(err error) (s Step) {
	if !r.ended {
		var late interface{ Timeout() bool }
		if r.deadline < Never && errors.As(err, &late) && late.Timeout() {
			r.expire(r.deadline)
		}
		r.finish(&s, 0, -1, reason(err))
	}
	return s
}

// reason is an error, lest a request without an answer ends without one.
func reason(err error) error {
	if err == nil {
		return errUnknown
	}
	return err
}

// elsewhere tries another place, if there is no other attempt under way. What has been handed back
// as late has not failed, and takes nothing from the budget of those that have.
func (r *Request) elsewhere(s *Step, now time.Duration, m *member, err error, random uint64) {
	err = reason(err)
	r.avoid.add(m.ID)
	r.last = err
	if r.flying() > 0 {
		return
	}
	r.tries++
	if r.tries >= r.rules.Tries || err != errLate && !spend(&r.balancer.purses[r.core].retries, price) {
		r.end(s, now, fmt.Errorf("%w: %w", ErrTries, err))
		return
	}
	r.send(s, now, random, 0)
}

// refused is not failed: the request goes to another place, or waits until one takes it.
func (r *Request) refused(s *Step, now time.Duration, m *member, err error, random uint64) {
	r.last = err
	switch {
	case r.flying() > 0:
	case !r.turned && !r.rules.Idle:
		r.turned = true
		r.send(s, now, random, m.ID)
	case !r.wait(now, random):
		r.end(s, now, fmt.Errorf("%w: %w", ErrFull, err))
	}
}

// ask makes a what the balancer is asked for the request.
func (r *Request) ask(a *Ask, now time.Duration, random, not uint64) {
	a.Stage, a.Generation, a.Now, a.Remaining = r.stage, r.generation.number, now, Never
	if r.deadline < Never {
		a.Remaining = r.deadline - now
	}
	a.Late, a.Avoid, a.Not = r.late || r.lastTry(), r.avoid, not
	a.Priority, a.Without, a.With, a.Idle, a.Random, a.Core = r.rules.Priority, r.rules.Without, r.rules.With, r.rules.Idle, random, r.core
}

// send sends the request to a place, but not to one that has just refused it, or has it wait.
func (r *Request) send(s *Step, now time.Duration, random, not uint64) {
	if now >= r.deadline {
		r.end(s, now, ErrDeadline)
		return
	}
	var a Ask
	r.ask(&a, now, random, not)
	f := r.free()
	err := r.balancer.pick(&a, &f.place)
	switch {
	case err == nil:
		r.fly(s, f, now, a.reserve)
	case err == ErrFull && r.wait(now, random):
	default:
		r.end(s, now, err)
	}
}

// A request that finds no place free is sent again after a while, which doubles up to a longest,
// or a quarter of its time, and is drawn between half of that and all of it, lest all that were
// refused at once come back at once. Who looks more often gets more of what is free: critical
// requests keep looking, and sheddable ones look seldom from the beginning.
const (
	firstWait     = time.Millisecond
	longestWait   = time.Second
	criticalWait  = 4 * firstWait
	waitDoublings = 10
)

// wait has the request wait for places that are at their limits; false if it has no time for
// that, or has waited long enough.
func (r *Request) wait(now time.Duration, random uint64) bool {
	d := min(longestWait, max((r.deadline-now)/4, firstWait))
	if r.rules.Priority > Sheddable {
		d = min(d, firstWait<<min(r.waits, waitDoublings))
	}
	if r.rules.Priority >= Critical {
		d = min(d, criticalWait)
	}
	d = d/2 + d/2*time.Duration(random>>48)>>16
	if r.rules.Idle || r.waited+d > r.rules.Wait || after(now, d) >= r.deadline {
		return false
	}
	r.waits++
	r.waited += d
	r.turned, r.waiting = false, now+d
	return true
}

// lastTry tells whether the next place to fail the request is the last. That one is a
// function if there is one: VMs that fail together would fail all tries.
func (r *Request) lastTry() bool { return r.tries > 0 && r.tries == r.rules.Tries-1 }

// rest works out when the request is to be woken.
func (r *Request) rest() {
	if r.ended {
		r.wake = Never
		return
	}
	r.wake = min(r.deadline, r.hedges())
	if r.waiting > 0 {
		r.wake = min(r.wake, r.waiting)
	}
	for i := range r.flights {
		if f := &r.flights[i]; f.attempt > 0 {
			r.wake = min(r.wake, f.lost)
		}
	}
}

// end finishes with an error, and says what may have led to it.
func (r *Request) end(s *Step, now time.Duration, err error) {
	if r.back != nil { // the function was not in time after all
		r.back.learnMiss(true, r.rules.Miss)
	}
	if r.last != nil && !errors.Is(err, r.last) {
		err = fmt.Errorf("%w; before that: %w", err, r.last)
	}
	r.finish(s, now, -1, err)
}

func (r *Request) finish(s *Step, now time.Duration, exit int, err error) {
	r.abandon(s, now)
	s.Finish, s.Exit, s.Err = true, exit, err
	r.ended, r.wake = true, Never
	r.generation.begun[r.core].Add(-1)
}
