package planner_test

import (
	"testing"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// An instance that is kept warm saves the cold starts, 6.4e-8 dollars a call: at 5 a second 0.00115
// dollars an hour. For less it is taken, and the bill has what it costs; for more it is not.
func TestIdlePriceByHand(t *testing.T) {
	for idle, want := range map[float64]string{0.001: "warm", 0.0013: "f"} {
		a := byHand(planner.Rate{PerSecond: 5, Share: 1})
		warm := a.Functions[0]
		warm.Offer.Name, warm.Offer.IdlePerHour, warm.Cold, warm.ColdShare = "warm", idle, 0, 0
		a.Functions = append(a.Functions, warm)
		r := plan(t, a)
		if len(r.Plan.Functions) != 1 || r.Plan.Functions[0].Offer.Name != want {
			t.Fatalf("idle at %v: %+v", idle, r.Plan)
		}
		dollars := 3600 * 5 * 4.4e-7
		if want == "warm" {
			dollars = 3600*5*3.76e-7 + idle
		}
		near(t, want, r.Bill.Functions, dollars)
	}
}

// What a warm instance costs is paid even if VMs carry all of the calls.
func TestIdlePriceBesideVMs(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 40, Share: 1})
	a.Functions[0].Offer.IdlePerHour = 0.5
	r := plan(t, a)
	near(t, "VMs", r.Bill.VMs, 0.0342)
	near(t, "functions", r.Bill.Functions, 0.5)
	near(t, "all", r.Bill.Total(), 0.5342)
}
