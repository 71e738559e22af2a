package gcp_test

import (
	"testing"

	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// VMs of one provider hand on what their stages do not decide to functions of another: here, VMs that
// are processes of this machine, and services of Cloud Run, each with the real worker.
func TestVMsOfOneProviderAndFunctionsOfAnother(t *testing.T) {
	_, o := realWorkers(t)
	small := provisioner.VMOffer{Name: "small", VCPUs: 1, PerHour: 0.04}
	here, err := local.Open(local.Options{Program: local.Self, VMs: []local.VM{{Offer: small}}})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	p, err := serflow.Open(t.Context(), twoStages,
		serflow.On(here.VMs(), gcp.Functions(o)), serflow.Owner("shop"), serflow.Limits(provisioner.Limits{VMs: 1, PerHour: 1, PerDay: 1}),
		serflow.Plan(provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stage.Range{}, Offer: small, VMs: 1}},
			Functions: []provisioner.FunctionGroup{{Stages: stage.Range{First: 1, Last: 1}, Offer: gcp.Sizes()[0].Offer}},
		}))
	if err != nil {
		t.Fatal(err)
	}
	ways := map[float32][]string{1: {"local"}, 2: {"local", "gcp"}}
	for _, x := range []float32{1, 2, 2, 2, 2} {
		providers := ways[x]
		r, err := p.Infer(t.Context(), stage.Float32("x", nil, []float32{x}))
		if err != nil || r.Class != 1 || r.Exit != len(providers)-1 || len(r.Path) != len(providers) {
			t.Errorf("%v: %+v, %v", x, r, err)
			continue
		}
		for i, hop := range r.Path {
			if hop.Provider != providers[i] {
				t.Errorf("%v: %+v", x, r.Path)
			}
		}
	}
	if err := p.Teardown(t.Context()); err != nil {
		t.Error(err)
	}
}
