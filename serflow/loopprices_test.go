package serflow_test

import (
	"math"
	"testing"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/serflow"
)

// Prices of offers that the Ask has are taken up, and it is left alone; a price that cannot be, as of a
// price list that is out of order, is passed over.
func TestReprice(t *testing.T) {
	ask := planner.Ask{VMs: []planner.VM{{Offer: vmOffer}}, Functions: []planner.Function{{Offer: functionOffer}}}
	vm := func(perHour float64) provisioner.VMOffer { o := vmOffer; o.PerHour = perHour; return o }
	function := func(change func(*provisioner.FunctionOffer)) provisioner.FunctionOffer {
		o := functionOffer
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		vm       provisioner.VMOffer
		function provisioner.FunctionOffer
		changed  bool
	}{
		"the same":             {vmOffer, functionOffer, false},
		"dearer VMs":           {vm(9), functionOffer, true},
		"VMs for nothing":      {vm(0), functionOffer, false},
		"VMs for less":         {vm(-1), functionOffer, false},
		"VMs for no number":    {vm(math.NaN()), functionOffer, false},
		"dearer calls":         {vmOffer, function(func(o *provisioner.FunctionOffer) { o.PerCall = 1 }), true},
		"dearer idle":          {vmOffer, function(func(o *provisioner.FunctionOffer) { o.IdlePerHour = 1 }), true},
		"calls for no number":  {vmOffer, function(func(o *provisioner.FunctionOffer) { o.PerCall = math.NaN() }), false},
		"another one's prices": {provisioner.VMOffer{Name: "another", PerHour: 1}, functionOffer, false},
	} {
		got, why := serflow.Reprice(ask, []provisioner.VMOffer{c.vm}, []provisioner.FunctionOffer{c.function})
		if changed := got.VMs[0].Offer != vmOffer || got.Functions[0].Offer != functionOffer; changed != c.changed || (why != "") != c.changed {
			t.Errorf("%s: %q, %+v", name, why, got)
		}
		if ask.VMs[0].Offer != vmOffer || ask.Functions[0].Offer != functionOffer {
			t.Fatalf("%s: the Ask has been changed", name)
		}
	}
}
