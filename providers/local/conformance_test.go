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
		p := open(t, local.Options{})
		return providertest.Cloud{
			VMs: p.VMs(), Functions: p.Functions(), Setup: "ok the-secret-of-the-suite",
			Body: []byte("echo"), Answer: []byte("echo"), Failing: []byte("fail"),
			Running:  func() []string { return slices.Collect(maps.Keys(p.PIDs())) },
			Launched: func() int { return p.Account().VMs },
			Spent:    func() (vms, functions float64) { a := p.Account(); return a.VMDollars, a.FunctionDollars },
			Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
				mend, err := p.Inject(op, f)
				return mend, err == nil
			},
		}
	})
}
