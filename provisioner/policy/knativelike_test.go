package policy_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/policy"
)

// VMs of 10 requests per second are to serve 7.
func TestKnativeLikeByHand(t *testing.T) {
	p := &policy.KnativeLike{}
	for i, c := range []struct {
		now            int64 // after so many seconds of counts since the last
		count          int
		ready, booting int
		vms            float64
		rule           string
	}{
		{60, 5, 1, 0, 1, "stable window"},  // ceil(5/7)
		{66, 28, 1, 0, 4, "panic window"},  // 28/7 = 4, twice 1 and more; stable (54*5+6*28)/60 = 7.3, 2
		{72, 5, 1, 3, 4, "panic window"},   // gives nothing back
		{126, 5, 4, 0, 4, "panic window"},  // 60 s after
		{127, 5, 4, 0, 2, "stable window"}, // wants 1, gives back half at most
		{133, 5, 2, 0, 1, "stable window"},
		{193, 0, 1, 0, 1, "stable window"}, // not without one
		{199, 13, 1, 0, 2, "panic window"}, // ceil(13/7) = 2 is twice 1
	} {
		g := group(func(g *policy.Group) { g.Saturation, g.Ready, g.Booting = 10, c.ready, c.booting })
		before := []int64{0, 60, 66, 72, 126, 127, 133, 193}[i]
		g.Counts = every(before, c.count, int(c.now-before))
		got := decide(t, p, time.Duration(c.now)*time.Second, g)
		if got.VMs != c.vms || got.Why.Rule != c.rule || got.Rationed {
			t.Errorf("at %d s: %+v, want %v VMs by the %s", c.now, got, c.vms, c.rule)
		}
	}
}

// After a restart without memory it keeps its scale for a minute.
func TestKnativeLikeBeginsInPanic(t *testing.T) {
	p := &policy.KnativeLike{}
	g := group(func(g *policy.Group) { g.Ready, g.Counts = 8, every(0, 1, 1) })
	if got := decide(t, p, time.Second, g); got.VMs != 8 {
		t.Errorf("%+v, want the 8 there are", got)
	}
	g.Counts = every(1, 1, 70)
	if got := decide(t, p, 71*time.Second, g); got.VMs != 4 {
		t.Errorf("%+v, want half of them", got)
	}
}
