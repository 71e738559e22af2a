package providertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/serflow/serflow-go/providers"
)

// Cloud is a provider under test, and what the suite may ask and do beside it. VMs or
// Functions must be given, and the bodies with Functions; what else is left out is not shown,
// and the suite logs that.
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
	// cloud cannot do that.
	Inject func(Op, Fault) (mend func(), ok bool)
}

// Op is an operation of a provider.
type Op string

// The operations that faults are injected at.
const (
	Launch        Op = "launch"
	ListVMs       Op = "list VMs"
	End           Op = "end VM"
	Ensure        Op = "ensure function"
	ListFunctions Op = "list functions"
	Remove        Op = "remove function"
	Invoke        Op = "invoke"
)

// Fault is a way in which an operation fails.
type Fault string

// The faults.
const (
	NoCapacity  Fault = "no capacity"  // of launches: there is no VM of any type, anywhere
	OverQuota   Fault = "over quota"   // of launches: the account may have no more
	PartGranted Fault = "part granted" // of launches: all but one VM
	Throttled   Fault = "throttled"    // too many calls: nothing is done
	Denied      Fault = "denied"       // the caller may not do this: nothing is done
	Unavailable Fault = "unavailable"  // the cloud answers that it has failed, and does nothing
	AnswerLost  Fault = "answer lost"  // it is done, and the caller never hears of it
)

// refusals are the faults of which a provider can be certain, by the error that they are.
var refusals = map[Fault]error{
	NoCapacity: providers.ErrInsufficientCapacity,
	OverQuota:  providers.ErrLimit,
	Throttled:  providers.ErrThrottled,
	Denied:     providers.ErrInvalid,
}

// inject makes an operation fail, and reports whether the cloud can.
func (c Cloud) inject(t *testing.T, op Op, f Fault) (mend func(), ok bool) {
	t.Helper()
	if c.Inject != nil {
		mend, ok = c.Inject(op, f)
	}
	if !ok {
		t.Logf("not shown: this cloud cannot have %q at %q", f, op)
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
