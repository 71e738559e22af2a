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
	ErrShed     = errors.New("shed: it could not be answered in time any more")
	ErrNoPlace  = errors.New("no place to run the stage")      // nothing serves it
	ErrFull     = errors.New("all places are at their limits") // and stay so
	ErrTries    = errors.New("failed at every place tried")    // wraps the last place's error
	ErrInvalid  = errors.New("refused as invalid")             // by a worker; trying elsewhere would not help
	errLate     = fmt.Errorf("%w: handed back before it had run", ErrDeadline)
	errUnknown  = errors.New("no reason was given")
	errProtocol = errors.New("the reply's stage is not one that could come next")
)

// Never is the time of what does not happen, and the deadline of a request without.
const Never = time.Duration(math.MaxInt64)

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

// Step is what the driver does after an event: first cancel, then send or finish. A step that
// says nothing of these still may have changed when the request is to be woken.
type Step struct {
	Cancel [2]uint32 // attempts to cancel; 0 for none
	Send   bool
	Finish bool

	// Of Send.
	Attempt   uint32 // to be given back with the reply
	Place     Place
	Stage     int           // the stage to begin with
	Remaining time.Duration // for the place: until its deadline, but for what is known of the function that would take over from a VM; Never without one
	Keep      bool          // no function would be in time: it is not to be handed back for one
	Hedge     bool          // the request is already under way elsewhere

	// Of Finish.
	Exit int   // stage whose exit answered; -1 with Err
	Err  error // why there is no answer
}

// cancel adds an attempt, if it is one, to those to cancel.
func (s *Step) cancel(attempt uint32) {
	switch {
	case attempt == 0:
	case s.Cancel[0] == 0:
		s.Cancel[0] = attempt
	default:
		s.Cancel[1] = attempt
	}
}
