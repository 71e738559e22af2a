package balancer

import "time"

// flight is an attempt that has been sent and has not come back.
type flight struct {
	attempt uint32 // 0 for none
	place   Place
	sent    time.Duration
	lost    time.Duration // when it counts as lost
}

// find is the flight of an attempt; nil if it is not under way.
func (r *Request) find(attempt uint32) *flight {
	if attempt == 0 {
		return nil
	}
	for i := range r.flights {
		if r.flights[i].attempt == attempt {
			return &r.flights[i]
		}
	}
	return nil
}

// flying is how many attempts are under way.
func (r *Request) flying() (n int) {
	for i := range r.flights {
		if r.flights[i].attempt > 0 {
			n++
		}
	}
	return n
}

// free is memory for another flight: there are never more than two.
func (r *Request) free() *flight {
	if r.flights[0].attempt == 0 {
		return &r.flights[0]
	}
	return &r.flights[1]
}

// only is the one that is under way, when one is.
func (r *Request) only() *flight {
	if r.flights[0].attempt > 0 {
		return &r.flights[0]
	}
	return &r.flights[1]
}

// fly sends the request to the place of a flight.
func (r *Request) fly(s *Step, f *flight, now, reserve time.Duration) {
	r.attempt++
	f.attempt, f.sent, f.lost = r.attempt, now, Never
	if !r.rules.Idle {
		f.lost = after(now, r.allowed(&f.place))
	}
	s.Send, s.Attempt, s.Place, s.Stage, s.Remaining, s.Keep = true, r.attempt, f.place, r.stage, Never, f.place.keep
	if r.deadline < Never {
		s.Remaining = r.deadline - now - reserve
	}
}

// after is the time d from now.
func after(now, d time.Duration) time.Duration {
	if d >= Never-now {
		return Never
	}
	return now + d
}

// allowed is how long a place may take before the request is sent elsewhere.
func (r *Request) allowed(p *Place) time.Duration {
	const longest = Never / 4 // lest times beyond it overflow
	allowed := time.Duration(min(r.rules.Patience*float64(p.latest()-p.start()), float64(longest)))
	return max(allowed, min(r.rules.Floor, longest)) + min(p.member.Cold, longest)
}

// land takes the request out of a place's hands that has done its part, or handed it back on
// the way: then the time is not that of the whole way, which is expected of the place; believed,
// it would make a place that is late seem fast. Replies that are not possible teach nothing: a
// place that fails at once would seem fast, and empty, and draw the next request too.
func (r *Request) land(f *flight, m *member, reply *Reply, took time.Duration) {
	d := Report{Entered: r.stage, Load: -1, Took: took, Passed: reply.Outcome == Passed}
	if r.rules.Idle { // it waits for others and leaves at no exit
		r.balancer.done(&f.place, &Report{Load: -1})
		f.attempt = 0
		return
	}
	if reply.Service > 0 {
		d.Load, d.Last = reply.Load, reply.Stage
		if d.Passed {
			d.Last--
		}
		if !d.Passed || !m.Stages.Has(reply.Stage) {
			d.Service = reply.Service
		}
	}
	r.balancer.done(&f.place, &d)
	if m.Kind == VM {
		back := d.Passed && m.Stages.Has(reply.Stage)
		f.place.learnFate(back && !f.place.caught, r.rules.Miss)
		if back && f.place.caught {
			r.back = f.place.view()
		}
	}
	f.attempt = 0
}

// crash takes it out of the hands of one that has not.
func (r *Request) crash(f *flight, now time.Duration, why Fault) {
	r.balancer.Fail(f.place, now, why)
	f.attempt = 0
}

// abandon cancels all attempts under way: nobody waits for them any more.
func (r *Request) abandon(s *Step, now time.Duration) {
	for i := range r.flights {
		if f := &r.flights[i]; f.attempt > 0 {
			s.cancel(f.attempt)
			r.crash(f, now, Nothing)
		}
	}
}

// hedges is when the request is sent once more if nothing has come back: when it has taken
// longer than all but one in a hundred visits (Dean and Barroso, The Tail at Scale, CACM 2013),
// and longer than a full pass is expected to; and if it has a deadline, not before the other
// place needs the time.
func (r *Request) hedges() time.Duration {
	if r.hedged || r.rules.Without&Hedging != 0 || r.flying() != 1 {
		return Never
	}
	f := r.only()
	if f.place.view().visits.Load() < seasoned {
		return Never
	}
	late := max(f.place.tail()+f.place.tail()/10, f.place.latest()) // the tail is only known to a few per cent
	return max(after(f.sent, late), r.hedgeAt)
}

// hedgeTimes is how many times what it seldom exceeds a place gets, at least, for a hedge that is
// to be in time.
const hedgeTimes = 2

// hedge sends the request once more, to a place that is expected to be in time.
func (r *Request) hedge(s *Step, now time.Duration, random uint64) {
	r.hedged = true
	purse := &r.balancer.purses[r.core].hedges
	if purse.Load() < price {
		return
	}
	var a Ask
	r.ask(&a, now, random, r.only().place.ID())
	f := r.free()
	if err := r.balancer.pick(&a, &f.place); err != nil {
		return
	}
	if early := r.deadline - now - hedgeTimes*f.place.surely(); r.deadline < Never && early > 0 {
		r.balancer.Fail(f.place, now, Nothing)
		r.hedged, r.hedgeAt = false, now+early
		return
	}
	if f.place.Finish > a.Remaining || f.place.member.health().out(now) || !spend(purse, f.place.member.hedge(r.stage)) {
		r.balancer.Fail(f.place, now, Nothing)
		return
	}
	s.Hedge = true
	r.fly(s, f, now, a.reserve)
}
