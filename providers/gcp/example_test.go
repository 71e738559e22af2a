package gcp_test

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/providers/gcp"
)

// Two types as spot VMs, of which the cheaper is launched if there is one, beside one on demand. Spot
// prices change: give those that you pay.
func ExampleVMs() {
	spot := gcp.Known("e2-standard-4", "c3-standard-4")
	spot[0].PerHour, spot[1].PerHour = 0.054, 0.061
	vms := gcp.VMs(gcp.VMOptions{
		Project: "shop-1234",
		Sold:    []gcp.VM{gcp.OnDemand(gcp.Known("e2-standard-4")...), gcp.Spot(0.05, spot...)},
		Zones:   []string{"us-central1-a", "us-central1-b"},
		Image:   "projects/shop-1234/global/images/family/worker",
	})
	offers, err := vms.Offers(context.Background())
	if err != nil {
		panic(err)
	}
	for _, o := range offers {
		fmt.Printf("%s: %v vCPUs (%s), at most $%v an hour\n", o.Name, o.VCPUs, o.Arch, o.PerHour)
	}
	// Output:
	// e2-standard-4: 4 vCPUs (amd64), at most $0.134 an hour
	// e2-standard-4 spot: 4 vCPUs (amd64), at most $0.061 an hour
}

// A size of Cloud Run billed by request, and the same with two instances that are kept warm.
func ExampleSizeOf() {
	size := gcp.SizeOf(1, 2048, gcp.ByRequest)
	for _, s := range []gcp.Size{size, size.Warm(2)} {
		fmt.Printf("%s: $%.7f for a call of 50 ms, $%.3f an hour while idle\n", s.Offer.Name, s.Offer.Cost(50e6), s.Offer.IdlePerHour)
	}
	// Output:
	// run 1 vCPU 2 GiB: $0.0000033 for a call of 50 ms, $0.000 an hour while idle
	// run 1 vCPU 2 GiB, 2 warm: $0.0000033 for a call of 50 ms, $0.054 an hour while idle
}
