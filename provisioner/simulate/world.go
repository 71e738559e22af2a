package simulate

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// World is how the clouds behave. Times are durations since the start of the run, and
// never go back. providers/mock has worlds.
type World interface {
	// Launch says what becomes of a request, made now, for n VMs of an offer.
	Launch(now time.Duration, o provisioner.VMOffer, n int) Launch
	// Call begins a call of a function, named by its place in the plan. Cold is how
	// long an instance of it takes to initialise, 0 if one was warm. Ok is false if
	// the call is refused because too many are running.
	Call(now time.Duration, function int, o provisioner.FunctionOffer) (cold time.Duration, ok bool)
	// Return ends a call that was not refused.
	Return(now time.Duration, function int)
}

// Launch is what becomes of a request for VMs. Times are counted from the request;
// provisioner.Never is the time of what does not happen.
type Launch struct {
	Err    error         // no VM has come of it
	Answer time.Duration // when the request is answered; Never if the answer is lost, and then VMs may be there all the same
	VMs    []Life        // fewer than were asked for if the request is granted in part
}

// Life is that of one VM if it is not ended.
type Life struct {
	Boot   time.Duration // until it is ready; Never if it never registers
	Notice time.Duration // until its provider says that it takes it back; Never
	Lost   time.Duration // until it is gone; Never
}

// perfect is a world without waits and failures.
type perfect struct{}

func (perfect) Launch(_ time.Duration, _ provisioner.VMOffer, n int) Launch {
	l := Launch{VMs: make([]Life, n)}
	for i := range l.VMs {
		l.VMs[i] = Life{Notice: Never, Lost: Never}
	}
	return l
}

func (perfect) Call(time.Duration, int, provisioner.FunctionOffer) (time.Duration, bool) {
	return 0, true
}

func (perfect) Return(time.Duration, int) {}
