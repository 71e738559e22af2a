// Package policy decides how many VMs each group of a plan should have.
//
//	counts since the last tick, the fleet, prices -> Policy.Decide -> Check -> Fleet.Want
//
// It is plain state: the time is handed in, nothing is drawn at random, no I/O. Times count
// from an origin that stays the same when a program starts again, such as the Unix epoch,
// because policies remember by second and by time of day. Rates are requests per second,
// prices US dollars. No policy here is safe for concurrent use; each serves one pipeline.
//
// A policy that remembers is a json.Marshaler and a json.Unmarshaler of its memory alone: its
// settings are the program's, so that a change of them is not undone by a restart.
package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/stage"
)

// Policy says how many VMs there should be. It is asked every few seconds, with whatever it
// has not been told yet.
type Policy interface {
	Name() string
	Decide(now time.Duration, o Observation) Decision
}

// Rememberer is a policy whose memory is to be saved: without it, it would start again from
// nothing and hold what there is until counts come.
type Rememberer interface {
	Policy
	json.Marshaler
	json.Unmarshaler
}

// Observation is what a policy may know.
type Observation struct {
	// Arrivals is the requests of the whole pipeline, in each second that has ended since the
	// last tick.
	Arrivals estimate.Counts
	Groups   []Group
}

// Group is a group of a plan, as it is now. One that VMs do not serve has a Max of 0.
type Group struct {
	Stages stage.Range
	// Counts is the requests that reached the group's first stage in each second since the
	// last tick, whether VMs or functions served them.
	Counts estimate.Counts
	Reach  float64 // the fraction of all requests that gets to its first stage
	// Called is how often functions were called for stages of the group in the seconds of Counts, hedges left
	// out, beside as many VMs as Serving says; 0 VMs if that is not known.
	Called, Serving int

	Ready, Booting, Draining int // VMs
	Min, Max                 int // VMs that a policy may want

	Economics
}

// Economics is what a group costs and carries, from the plan.
type Economics struct {
	PerSecond  float64       // P_v: dollars for a second of one more VM; 0 if it is paid for anyway
	PerRequest float64       // c_f: dollars for a request on functions; 0 if no function serves the group
	Saturation float64       // mu_sat: requests per second of a VM with all slots busy
	FullPass   float64       // the same if no request exited early; 0 means the same
	Boot       time.Duration // from a launch until the VM serves
	Carried    Carried       // nil for as much as Saturation allows: see Fluid
}

// Decision is what a policy wants, an Order for each group in the observation's order.
type Decision struct{ Groups []Order }

// Order is what a policy wants for one group. Its numbers are floats, so that whatever a
// policy computes comes to Check as it is.
type Order struct {
	VMs float64 // that there should be, booting ones included: a whole number
	// Rationed sends the first Ration requests of each second to VMs and the rest to functions.
	// Otherwise the balancer decides.
	Rationed bool
	Ration   float64
	Why      Reason
}

// Reason is why, for a line of a log.
type Reason struct {
	Rule      string  // that led to the order
	Rate      float64 // requests per second that it reckoned with
	Deviation float64 // of the rate
	Saves     float64 // dollars an hour that the last VM ordered saves before its price; 0 if not computed
	Next      float64 // the same of one more
	Price     float64 // dollars an hour of a VM
}

// String is a part of a sentence.
func (r Reason) String() string {
	s := fmt.Sprintf("%s, at %s±%s requests per second", r.Rule, digits(r.Rate, 3), digits(r.Deviation, 2))
	if r.Saves > 0 || r.Next > 0 {
		s += fmt.Sprintf(": the last VM saves $%.3g an hour and one more would save $%.3g, for $%.3g", r.Saves, r.Next, r.Price)
	}
	return s
}

// digits is x with so many digits that count, and never with an exponent for large ones.
func digits(x float64, n int) string {
	if math.Abs(x) >= math.Pow10(n) && math.Abs(x) < 1e15 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.*g", n, x)
}
