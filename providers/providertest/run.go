package providertest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
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
			logMissing(t, sold)
		})
	})
	for _, s := range suite {
		if s.wants(sold) {
			t.Run(s.name, func(t *testing.T) {
				around(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					s.test(ctx, t, open(t))
				})
			})
		}
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

// logMissing says what cannot be shown of a cloud.
func logMissing(t *testing.T, c Cloud) {
	for what, missing := range map[string]bool{
		"VMs: this cloud sells none":                               c.VMs == nil,
		"functions: this cloud sells none":                         c.Functions == nil,
		"that a successor adopts: no Cloud.Successor":              c.Successor == nil,
		"that nothing runs unseen: no Cloud.Running":               c.VMs != nil && c.Running == nil,
		"that nothing is launched twice unseen: no Cloud.Launched": c.VMs != nil && c.Launched == nil,
		"the bill: no Cloud.Spent":                                 c.Spent == nil,
		"faults: no Cloud.Inject":                                  c.Inject == nil,
		"that setups are secret: no Cloud.Setup":                   c.Setup == "",
	} {
		if missing {
			t.Log("not shown:", what)
		}
	}
}
