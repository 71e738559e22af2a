//go:build !race

package planner_test

import (
	"testing"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// On a GPU 16 rows take hardly longer than one: batches make it pay.
func TestBatches(t *testing.T) {
	single := must(profile.LogNormal(ms(2, 4, 6, 8), 0.1))
	a := small(2000, 200)
	a.VMs = append(a.VMs, planner.VM{
		Offer: provisioner.VMOffer{Name: "gpu", VCPUs: 4, MemoryGB: 16, PerHour: 0.3},
		Slots: 1, Times: must(profile.BatchGain(single, 10)),
	})
	r := plan(t, a)
	if g := r.Plan.VMs[0]; g.Offer.Name != "gpu" || g.MaxBatch < 8 {
		t.Errorf("%s", r.Explain())
	}
}
