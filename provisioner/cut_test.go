package provisioner_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// What an earlier program has left is adopted only as far as the limits of this one go, over all groups together, and
// what is drained for them is not resumed.
func TestAdoptsWithinTheLimits(t *testing.T) {
	f := provisioner.NewFleet("f", provisioner.Limits{VMs: 4, PerHour: 9, PerDay: 9}, provisioner.Patience{})
	var found []provisioner.Found
	for _, id := range []string{"a", "b", "c"} {
		found = append(found, provisioner.Found{ID: id, Token: "e-1", Stages: whole, Offer: small}, provisioner.Found{ID: id + "2", Token: "e-2", Stages: deep, Offer: large})
	}
	f.Found(0, found...)
	for _, x := range found {
		f.Ready(0, x.ID, x.Token)
	}
	if err := f.Want(wanted(3), provisioner.Want{Stages: deep, Offer: large, VMs: 3}); err != nil {
		t.Fatal(err)
	}
	want(t, "two too many", tick(f, 0), "drain a2, drain b2")
	want(t, "they are not resumed", tick(f, time.Second), "")
	f.Idle(time.Second, "a2")
	f.Idle(time.Second, "b2")
	want(t, "they are ended", tick(f, time.Second), "end a2, end b2")
	f.Ended(2*time.Second, "a2")
	f.Ended(2*time.Second, "b2")
	want(t, "the others stay", tick(f, 2*time.Second), "")
}

// When a price rises VMs are given up until the limit of an hour is kept again.
func TestPriceRisesBeyondTheLimit(t *testing.T) {
	f := started(t, provisioner.Limits{VMs: 9, PerHour: 0.5, PerDay: 9}, wanted(4))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b", "c", "d")
	for _, id := range []string{"a", "b", "c", "d"} {
		f.Ready(time.Minute, id, "f-1")
	}
	dearer := wanted(4)
	dearer.Offer.PerHour = 0.2
	if err := f.Want(dearer); err != nil {
		t.Fatal(err)
	}
	want(t, "two cost $0.4 an hour", tick(f, 100*time.Second), "drain a, drain b")
	want(t, "and no other can be had", tick(f, 101*time.Second), "")
}
