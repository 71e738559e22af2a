//go:build unix

package local_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/providertest"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Cloud {
		p := open(t, local.Options{Concurrency: 1})
		ours := 0.0 // of the calls that are in the way of others
		return providertest.Cloud{
			VMs: p.VMs(), Functions: p.Functions(), Setup: "ok the-secret-of-the-suite",
			Body: []byte("echo"), Answer: []byte("echo"), Failing: []byte("fail"),
			Running:  func() []string { return slices.Collect(maps.Keys(p.PIDs())) },
			Launched: func() int { return p.Account().VMs },
			Spent:    func() (vms, functions float64) { a := p.Account(); return a.VMDollars, a.FunctionDollars - ours },
			Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
				if op != providertest.Invoke || f != providertest.Throttled {
					return nil, false
				}
				busy := hold(t, p, t.Context(), ensure(t, p, specOf("ok busy"))) // the only call at once
				return func() {
					busy.release(t)
					ours += half.Cost(busy.got.Billed)
				}, true
			},
		}
	})
}
