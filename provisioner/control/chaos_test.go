package control_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// The clock jumps an hour: nothing is launched twice, and the fleet is the same soon after.
func TestClockJumps(t *testing.T) {
	w := newWorld(t, 1, func() control.Config { return one(0, &policy.CostOptimal{}) }, steady(240))
	w.until(30 * time.Minute)
	had := w.ready()
	w.now += time.Hour
	w.until(w.now + 10*time.Minute)
	want(t, "after time has jumped", w.ready(), had)
	w.wall += time.Hour
	w.until(w.now + 10*time.Minute)
	want(t, "after the wall clock was set on", w.ready(), had)
	w.wall -= 2 * time.Hour
	w.until(w.now + 10*time.Minute)
	want(t, "after it was set back", w.ready(), had)
	if w.most > had+1 {
		t.Errorf("%d VMs at one time, for %d", w.most, had)
	}
}

// A program is killed when it has just asked for VMs: the next one finds and adopts them.
func TestKilledBetweenLaunchAndRecord(t *testing.T) {
	n := 3.0
	w := newWorld(t, 1, func() control.Config { return one(3, ordering(&n)) }, steady(10))
	for w.asked == 0 {
		w.until(w.now + time.Second)
	}
	w.start()
	w.until(10 * time.Minute)
	want(t, "serving", w.ready(), 3)
	want(t, "that there are", len(w.vms), 3)
	want(t, "launched", w.next, 3)
}

// A price that has changed is another plan, for the same VMs: at 100 times the price functions
// are cheaper.
func TestPricesChange(t *testing.T) {
	w := newWorld(t, 1, func() control.Config { return one(0, &policy.CostOptimal{}) }, steady(240))
	w.until(30 * time.Minute)
	if w.ready() < 4 {
		t.Fatalf("%d serve", w.ready())
	}
	dear := offered(small, 0, 50)
	dear.Offer.PerHour, dear.PerSecond = 10, 10.0/3600
	if err := w.loop.Plan([]control.Group{{Offers: []control.Offer{dear}}}, nil); err != nil {
		t.Fatal(err)
	}
	w.until(40 * time.Minute)
	want(t, "VMs", len(w.vms), 0)
}

// Two programs with one owner name: what is there when the second begins is its to adopt or end,
// once; then each says that the other is there, and neither ends the other's VMs any more.
func TestTwoProgramsWithOneOwner(t *testing.T) {
	n := 2.0
	config := func() control.Config { return one(2, ordering(&n)) }
	a := newWorld(t, 1, config, steady(10))
	b := newWorld(t, 2, config, steady(10))
	b.name, b.next, b.vms, b.granted = "q", 50000, a.vms, a.granted
	b.start()
	begins := 20 * time.Minute
	both := func(until time.Duration) {
		for a.now < until {
			a.until(a.now + time.Second)
			if a.now <= begins {
				continue
			}
			b.now = max(b.now, begins)
			b.until(a.now)
			for _, vm := range b.fleet.VMs() { // they have another credential: they are of no use to it
				if strings.HasPrefix(vm.Token, "p") && vm.State == provisioner.Booting {
					b.fleet.Lost(b.now, vm.ID)
				}
			}
		}
	}
	both(begins + 20*time.Minute)
	launched := a.next + b.next
	both(begins + 3*time.Hour)
	want(t, "launched in the last hours", a.next+b.next, launched)
	want(t, "the first says so", a.said("another program with the same owner name"), 1)
	want(t, "the second says so", b.said("another program with the same owner name"), 1)
	want(t, "each has its own", [2]int{a.ready(), b.ready()}, [2]int{2, 2})
}

// When far fewer or more requests get to a stage than the plan was made for, for some time, that
// is a drift; chance is not.
func TestDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := one(1, &policy.CostOptimal{})
	c.Reach = []float64{1, 0.5}
	l, err := control.New(c)
	if err != nil {
		t.Fatal(err)
	}
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	f.Found(0)
	second := int64(0)
	tick := func(reach float64) (control.Drift, bool) {
		counts := seconds(second, 10, func() int { return 100 })
		deep := seconds(second, 10, func() int { return poisson(r, 100*reach) })
		second += 10
		l.Tick(time.Duration(second)*time.Second, f, control.Seen{Counts: slices.Concat(counts, deep)})
		return l.Drift()
	}
	for range 400 {
		if d, ok := tick(0.5); ok {
			t.Fatalf("by chance: %+v", d)
		}
	}
	ticks := 0
	for ; ticks < 100; ticks++ {
		if d, ok := tick(0.8); ok {
			if math.Abs(d.Rate-100) > 1 || d.Deviation > 3 || math.Abs(d.Reach[1]-0.8) > 0.06 {
				t.Errorf("drift: %+v", d)
			}
			break
		}
	}
	if ticks < 3 || ticks > 60 {
		t.Errorf("noticed after %d ticks", ticks)
	}
	if err := l.Plan(c.Groups, []float64{1, l.Traffic().Reach[1]}); err != nil {
		t.Fatal(err)
	}
	for range 400 { // what was before the change is no reason for a third plan
		if d, ok := tick(0.8); ok {
			t.Fatalf("after the plan: %+v", d)
		}
	}
}
