package control_test

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

// A driver has the loop decide and the fleet act. Here time is a number, and all that the
// fleet wants is written down.
func Example() {
	limits := provisioner.Limits{VMs: 10, PerHour: 2, PerDay: 20}
	offer := provisioner.VMOffer{Name: "c8g.large", PerHour: 0.08}
	loop, err := control.New(control.Config{
		Limits: limits,
		Groups: []control.Group{{Offers: []control.Offer{{
			VMGroup: provisioner.VMGroup{Stages: stage.Range{Last: 3}, Offer: offer, VMs: 1},
			Economics: policy.Economics{
				PerSecond: offer.PerHour / 3600, PerRequest: 2e-6, Saturation: 80, Boot: time.Minute,
				Carried: policy.Erlang{Slots: 2, Rate: 40},
			},
		}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fleet := provisioner.NewFleet("shop-1", limits, provisioner.Patience{})
	fleet.Found(0) // nothing is there
	wall := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for now := time.Duration(0); now <= 20*time.Second; now += 10 * time.Second {
		seconds := estimate.Counts{First: wall.Add(now).Unix() - 10, Each: []int{180, 205, 190, 210, 200, 195, 202, 198, 211, 189}}
		if loop.Due(now, fleet) {
			for _, line := range loop.Tick(now, fleet, control.Seen{Wall: time.Duration(wall.Add(now).UnixNano()), Counts: []estimate.Counts{seconds}}) {
				fmt.Println(line)
			}
		}
		actions, _ := fleet.Tick(now)
		for _, a := range actions {
			if a.Kind == provisioner.Launch {
				fmt.Printf("launch %d of %s\n", a.VMs, a.Key.Offer)
				var ids []string
				for i := range a.VMs {
					ids = append(ids, fmt.Sprint(a.Token, "-", i))
				}
				fleet.Launched(now, a.Token, ids...)
			}
		}
	}
	// Output:
	// launch 1 of c8g.large
	// stages 1-4: 1 -> 4 VMs of "c8g.large": least cost, at 200±28 requests per second: the last VM saves $0.174 an hour and one more would save $0.0784, for $0.08
	// launch 3 of c8g.large
}
