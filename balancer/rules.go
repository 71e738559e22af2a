package balancer

import "time"

// Rules are how a request is treated. The zero value of a field but Stages is its
// default.
type Rules struct {
	Stages   int // of the model
	Priority Priority
	// Functions has the request begin on a function if there is one that it can call, as if a VM
	// had handed it back.
	Functions bool
	Without   Mechanism
	With      Mechanism // of those that are off by default
	// Tries is how many places may fail a request in a row, without its getting a
	// stage further, before it is given up; default 5.
	Tries int
	// Patience is how many times the time that it seldom exceeds (Member.Longest) a place
	// gets before the request is taken from it and sent elsewhere; default 3. A place gets at least Floor, and in
	// either case the member's Cold in addition.
	Patience float64
	Floor    time.Duration // default 20 ms
	// Miss is the share of requests that may be late at VMs that were expected to be in time, or in a
	// function that took over from one; with more, VMs are left to fewer requests. Default: what keeps 99 % in
	// time in 199 of 200 minutes at the rate of the last minute: from 0.0002 at a request a second to 0.005 from a hundred on; as many again may be shed.
	Miss float64
	// Wait is how long in all a request waits for places that refuse it, as a function at its
	// limit does, if its deadline is not before that; default 30 s.
	Wait time.Duration
	// Hedge is how much more work there may be, as a share, because requests are sent once more
	// while they are under way: those that take longer than all but one in a hundred before
	// them; default 0.02.
	Hedge float64
	// Idle is for a request that nobody waits for: it goes only to a VM with a free slot, never to
	// a function, and ends at the first place that does not do its part or when there is none.
	// It has no deadline, is lost only when its driver gives it up, and nothing is learnt from it.
	Idle bool
}

func (r *Rules) setDefaults() {
	if r.Idle {
		r.Tries, r.Without = 1, r.Without|Hedging
	}
	if r.Tries == 0 {
		r.Tries = 5
	}
	if r.Patience == 0 {
		r.Patience = 3
	}
	if r.Floor == 0 {
		r.Floor = 20 * time.Millisecond
	}
	if !(r.Miss > 0 && r.Miss < 1) {
		r.Miss = 0
	}
	if r.Wait == 0 {
		r.Wait = 30 * time.Second
	}
	if r.Hedge == 0 {
		r.Hedge = 0.02
	}
}
