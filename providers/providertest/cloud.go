package providertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
)

// Cloud is a provider under test, and what the suite may ask and do beside it. VMs or
// Functions must be given, and the bodies with Functions; what else is left out is not shown,
// and is a test that is skipped.
type Cloud struct {
	VMs       providers.VMs       // nil if it sells none
	Functions providers.Functions // nil if it sells none

	VMArtifact, FunctionArtifact string // what they run; "" if the provider knows by itself

	// Setup is what workers are told; "" if they need nothing. The suite looks for it in all
	// that it is shown: make it a text that is found nowhere else.
	Setup string

	// Body is what functions are called with; Answer what they answer to it; Failing a body at
	// which they end in an error of their own.
	Body, Answer, Failing []byte

	// Successor is the same cloud, as another process sees it that starts later.
	Successor func(t *testing.T) Cloud
	// Running is the IDs of the VMs that the cloud bills now, whoever owns them, as the cloud
	// itself knows it.
	Running func() []string
	// Launched counts the VMs that the cloud has ever begun.
	Launched func() int
	// Spent is the dollars that the cloud has billed until now.
	Spent func() (vms, functions float64)
	// Inject makes the calls of an operation fail until it is mended. Ok is false if this
	// cloud cannot do that: then Lacks must say why.
	Inject func(Op, Fault) (mend func(), ok bool)
	// Lacks says why the cloud cannot have some faults, such as "it has no quotas". They are
	// skipped; all others must be injected.
	Lacks map[At]string
}

// At is a fault at an operation.
type At struct {
	Op    Op
	Fault Fault
}

// Op is an operation of a provider, and Fault a way in which it fails: see package fault.
type (
	Op    = fault.Op
	Fault = fault.Kind
)

// The operations that faults are injected at.
const (
	Launch        = fault.Launch
	ListVMs       = fault.ListVMs
	End           = fault.End
	Ensure        = fault.Ensure
	ListFunctions = fault.ListFunctions
	Remove        = fault.Remove
	Invoke        = fault.Invoke
)

// The faults.
const (
	NoCapacity  = fault.NoCapacity
	OverQuota   = fault.OverQuota
	PartGranted = fault.PartGranted
	Throttled   = fault.Throttled
	Denied      = fault.Denied
	Unavailable = fault.Unavailable
	AnswerLost  = fault.AnswerLost
)

// refusals are the faults of which a provider can be certain, by the error that they are.
var refusals = map[Fault]error{
	NoCapacity: providers.ErrInsufficientCapacity,
	OverQuota:  providers.ErrLimit,
	Throttled:  providers.ErrThrottled,
	Denied:     providers.ErrInvalid,
}

// inject makes an operation fail, and reports whether the cloud can. It fails the test if the
// cloud cannot and does not say why.
func (c Cloud) inject(t *testing.T, op Op, f Fault) (mend func(), ok bool) {
	t.Helper()
	if c.Inject == nil || c.Lacks[At{op, f}] != "" {
		return nil, false
	}
	if mend, ok = c.Inject(op, f); !ok {
		t.Errorf("%q at %q is not shown: have Cloud.Inject do it, or say in Cloud.Lacks why this cloud cannot have it", f, op)
	}
	return mend, ok
}

// count waits until as many VMs run by the cloud's own books, if it keeps any: they may be
// behind.
func (c Cloud) count(ctx context.Context, t *testing.T, what string, want int) {
	t.Helper()
	if c.Running != nil {
		eventually(ctx, t, fmt.Sprintf("%s: %d VMs run", what, want), func() bool { return len(c.Running()) == want })
	}
}

// launched checks how many VMs have ever been begun, if the cloud counts.
func (c Cloud) launched(t *testing.T, what string, want int) {
	t.Helper()
	if c.Launched != nil {
		if n := c.Launched(); n != want {
			t.Errorf("%s: %d VMs have been launched, want %d", what, n, want)
		}
	}
}
