package providers

import (
	"context"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// Functions is a provider of cloud functions.
type Functions interface {
	// Name is the provider's, as errors and results show it, such as "aws".
	Name() string
	// Offers lists the sizes of function that there are.
	Offers(ctx context.Context) ([]provisioner.FunctionOffer, error)
	// Ensure returns the function that the spec describes, and makes it if there is none. If it
	// calls the function itself, Warmed says so, with an error too.
	Ensure(ctx context.Context, s FunctionSpec) (Function, error)
	// Remove removes a function. It is no error if it has been removed before, or was
	// never known. Calls that have begun go on.
	Remove(ctx context.Context, id string) error
	// List lists the functions that carry the owner's tag, the oldest first.
	List(ctx context.Context, owner string) ([]Function, error)
	// Invoke calls a function with a body that it does not keep, and waits for its
	// answer. A call whose context ends runs on, and is billed. An error that wraps
	// ErrFunction comes with what is known of the invocation: it is billed too.
	Invoke(ctx context.Context, id string, body []byte) (Invocation, error)
}

// FunctionSpec describes a function; equal specs describe the same one. All but Setup is
// kept in tags, so that List can tell what the function is for.
type FunctionSpec struct {
	Owner    string
	Offer    provisioner.FunctionOffer
	Stages   stage.Range // that it serves
	Artifact string      // what it runs, as the provider names it

	// Setup is what the worker is told when it starts, as package worker writes it. It may
	// hold a secret: hand it over, and keep it out of tags, lists and logs.
	Setup string
}

// Validate reports a spec that no provider can follow. Its error wraps ErrInvalid.
func (s FunctionSpec) Validate() error { return validate(s.Owner, s.Stages) }

// Function is one that there is.
type Function struct {
	ID           string // the provider's
	FunctionSpec        // without its Setup
	Warmed       Warmed // by the Ensure that returned it; zero in lists
}

// Warmed is the calls with which Ensure had instances of a function started before it was given
// requests. Fewer than were wanted is no error: the cloud may throttle.
type Warmed struct {
	Wanted    int     // instances
	Started   int     // by these calls; others may have been there
	Calls     int     // that ran
	Throttled int     // calls
	Dollars   float64 // that the calls are billed, initialisation too
}

// Invocation is what became of one call.
type Invocation struct {
	Body   []byte        // the answer
	Billed time.Duration // Cold and the run, before the offer's Cost rounds it
	Cold   time.Duration // initialisation that the call waited for; 0 if an instance was warm
}
