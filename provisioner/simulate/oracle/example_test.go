package oracle_test

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// A hundred requests a second for an hour, each of 20 ms: two slots of a VM are busy all the time, which
// is a VM, and nobody can pay less than that and its boot.
func ExampleLowerBound() {
	times, err1 := profile.Deterministic([]time.Duration{20 * time.Millisecond})
	d, err2 := oracle.NewDraw(1, 100*time.Millisecond)
	if err1 != nil || err2 != nil {
		fmt.Println(err1, err2)
		return
	}
	for i := range 360_000 {
		d.Add(time.Duration(i)*10*time.Millisecond, 0)
	}
	offers := planner.Ask{
		VMs:       []planner.VM{{Offer: provisioner.VMOffer{Name: "vm", VCPUs: 2, PerHour: 0.1}, Times: times, Boot: time.Minute}},
		Functions: []planner.Function{{Offer: provisioner.FunctionOffer{Name: "fn", MemoryMB: 1769, PerCall: 2e-7, PerGBSecond: 0.0000166667}, Times: times}},
	}
	b, err := oracle.LowerBound(offers, d, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("$%.3f with all requests in time, $%.3f with as few as the SLO allows\n", b.Total, b.Met)
	// Output:
	// $0.102 with all requests in time, $0.101 with as few as the SLO allows
}
