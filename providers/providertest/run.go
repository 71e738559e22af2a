package providertest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/fault"
)

// Run shows that a provider keeps its promises. Open is called for each test, and gives it a
// cloud on which nothing runs yet and in which nothing fails; what it opens it closes by
// t.Cleanup. The tests of one call of Run are not concurrent.
func Run(t *testing.T, open func(t *testing.T) Cloud) {
	t.Helper()
	run(t, open, func(t *testing.T, test func(*testing.T)) { test(t) })
}

// RunInBubble is Run with each test in a bubble of package testing/synctest, in which hours
// take no time. All that open starts must live within the bubble: no sockets, no processes.
func RunInBubble(t *testing.T, open func(t *testing.T) Cloud) {
	t.Helper()
	run(t, open, synctest.Test)
}

func run(t *testing.T, open func(t *testing.T) Cloud, around func(*testing.T, func(*testing.T))) {
	t.Helper()
	var sold Cloud
	t.Run("something is sold", func(t *testing.T) {
		around(t, func(t *testing.T) {
			sold = open(t)
			if sold.VMs == nil && sold.Functions == nil {
				t.Fatal("neither VMs nor Functions: give at least one of them in the Cloud")
			}
		})
	})
	skipMissing(t, sold)
	for _, s := range suite {
		t.Run(s.name, func(t *testing.T) {
			around(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				c := open(t) // not the one above, which go test -run may have left out
				if !s.wants(c) {
					t.Skip("not shown: this cloud does not have what it needs")
				}
				s.test(ctx, t, c)
			})
		})
	}
}

// patience is how long one test may take by the clock of its bubble.
const patience = 5 * time.Minute

// check is one test of the suite.
type check struct {
	name  string
	wants func(Cloud) bool
	test  func(context.Context, *testing.T, Cloud)
}

var suite = []check{
	{"VM offers", sellsVMs, vmOffers},
	{"launch and list", sellsVMs, launchAndList},
	{"addresses come", sellsVMs, addressesCome},
	{"a token launches once", sellsVMs, aTokenLaunchesOnce},
	{"a token is asked for by many at once", sellsVMs, aTokenAskedByMany},
	{"launches that cannot be", sellsVMs, launchesThatCannotBe},
	{"end", sellsVMs, endVMs},
	{"owners of VMs", sellsVMs, ownersOfVMs},
	{"VMs and contexts that are over", sellsVMs, vmsWhenTheContextIsOver},
	{"VMs are adopted", succeededVMs, vmsAreAdopted},
	{"launches that fail", sellsVMs, launchesThatFail},
	{"launches that are granted in part", sellsVMs, launchesGrantedInPart},
	{"lists and ends of VMs that fail", sellsVMs, vmCallsThatFail},
	{"the bill of VMs", billedVMs, billOfVMs},

	{"function offers", sellsFunctions, functionOffers},
	{"a function is made once", sellsFunctions, functionMadeOnce},
	{"functions that cannot be", sellsFunctions, functionsThatCannotBe},
	{"remove", sellsFunctions, removeFunctions},
	{"owners of functions", sellsFunctions, ownersOfFunctions},
	{"functions and contexts that are over", sellsFunctions, functionsWhenTheContextIsOver},
	{"functions are adopted", succeededFunctions, functionsAreAdopted},
	{"invoke", sellsFunctions, invoke},
	{"invoke what is not there", sellsFunctions, invokeWhatIsNotThere},
	{"calls of functions that fail", sellsFunctions, functionCallsThatFail},
	{"the bill of functions", billedFunctions, billOfFunctions},
}

func sellsVMs(c Cloud) bool           { return c.VMs != nil }
func sellsFunctions(c Cloud) bool     { return c.Functions != nil }
func succeededVMs(c Cloud) bool       { return c.VMs != nil && c.Successor != nil }
func succeededFunctions(c Cloud) bool { return c.Functions != nil && c.Successor != nil }
func billedVMs(c Cloud) bool          { return c.VMs != nil && c.Spent != nil }
func billedFunctions(c Cloud) bool    { return c.Functions != nil && c.Spent != nil }

// skipMissing has a test that is skipped for all that cannot be shown of a cloud.
func skipMissing(t *testing.T, c Cloud) {
	t.Helper()
	skip := func(what, why string) { t.Run(what, func(t *testing.T) { t.Skip("not shown: " + why) }) }
	for _, x := range []struct {
		what    string
		missing bool
		why     string
	}{
		{"VMs", c.VMs == nil, "this cloud sells none"},
		{"functions", c.Functions == nil, "this cloud sells none"},
		{"a successor adopts", c.Successor == nil, "no Cloud.Successor"},
		{"nothing runs unseen", c.VMs != nil && c.Running == nil, "no Cloud.Running"},
		{"nothing is launched twice unseen", c.VMs != nil && c.Launched == nil, "no Cloud.Launched"},
		{"the bill", c.Spent == nil, "no Cloud.Spent"},
		{"faults", c.Inject == nil, "no Cloud.Inject"},
		{"setups are secret", c.Setup == "", "no Cloud.Setup"},
	} {
		if x.missing {
			skip(x.what, x.why)
		}
	}
	for _, op := range fault.Ops() {
		for _, f := range fault.Of(op) {
			if why := c.Lacks[At{op, f}]; why != "" {
				skip(string(op+", "+Op(f)), why)
			}
		}
	}
}
