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
	errUnknown  = errors.New("no reason was given")
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
	Load    int           // requests that the place still has, waiting and in service; like Service, of Exited and Passed
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
