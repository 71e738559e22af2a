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

// wild is a policy that orders anything.
type wild struct{ r *rand.Rand }

func (wild) Name() string { return "wild" }

func (p wild) Decide(_ time.Duration, o policy.Observation) policy.Decision {
	d := policy.Decision{}
	for _, g := range o.Groups {
		n := float64(g.Ready)
		switch p.r.IntN(100) {
		case 0:
			n = math.NaN()
		case 1:
			n = 1e6
		case 2, 3, 4:
			n = float64(p.r.IntN(g.Max + 1))
		case 5:
			return policy.Decision{}
		}
		d.Groups = append(d.Groups, policy.Order{VMs: n})
	}
	return d
}

// anyFaults draws what goes wrong in a day.
func anyFaults(r *rand.Rand) faults {
	some := func(most float64) float64 {
		if r.IntN(2) == 0 {
			return 0
		}
		return most * r.Float64()
	}
	return faults{
		silent: some(0.5), refused: some(0.8), half: some(0.5), slow: some(0.5), lostList: some(0.5),
		unregistered: some(0.3), crash: some(2), notice: some(2), dieDraining: some(0.5),
		quiet: some(0.5), jump: some(0.001), kill: some(0.003), forget: some(1),
	}
}

// day is some hours in which anything goes wrong, and then some in which nothing does.
func day(t *testing.T, seed uint64, hours int) (unowned int) {
	r := rand.New(rand.NewPCG(seed, 2))
	limits := provisioner.Limits{VMs: 1 + r.IntN(12), PerHour: 0.1 + 2*r.Float64(), PerDay: 60}
	config := func() control.Config {
		var p policy.Policy = &policy.CostOptimal{}
		if seed%8 > 0 {
			p = wild{r}
		}
		c := one(r.IntN(4), p)
		if seed%2 > 0 {
			c.Groups[0].Offers = append(c.Groups[0].Offers, offered(large, 0, 100))
		}
		c.Limits = limits
		return c
	}
	low, high := 300*r.Float64(), 600*r.Float64()
	w := newWorld(t, seed, config, func(now time.Duration) float64 {
		return low + high*math.Pow(math.Sin(now.Hours()), 2)
	})
	w.overflow = func(vms int, perHour float64) {
		if vms > limits.VMs || perHour > limits.PerHour+1e-9 {
			t.Fatalf("day %d, at %v: %d VMs for %v an hour, limits %+v", seed, w.now, vms, perHour, limits)
		}
	}
	w.faults = anyFaults(r)
	w.until(time.Duration(hours) * time.Hour)
	w.faults = faults{}
	w.until(w.now + time.Hour)
	for id := range w.vms {
		vm, ok := w.fleet.VM(id)
		if !ok {
			t.Fatalf("day %d: nobody owns %s: %+v, rivals %v", seed, id, w.vms[id], w.fleet.Rivals())
		}
		if vm.State == provisioner.Ending && w.now-vm.Launched > 20*time.Minute {
			t.Logf("%+v", vm)
		}
	}
	for _, vm := range w.fleet.VMs() {
		if _, exists := w.vms[vm.ID]; !exists && w.now-vm.Launched > 10*time.Minute && vm.State != provisioner.Ending {
			t.Fatalf("day %d: %+v is no more", seed, vm)
		}
	}
	return w.deadMan
}

// Whatever goes wrong, there is never more than the limits allow, and whatever was launched is in
// the end owned or ended; nothing is left to the dead-man switch.
func TestDays(t *testing.T) {
	days := 150
	if testing.Short() {
		days = 30
	}
	unowned := 0
	for seed := range days {
		unowned += day(t, uint64(seed), 3)
	}
	want(t, "VMs that had to end themselves", unowned, 0)
}

// Under steady Poisson traffic the scale is changed less than once in two hours at any rate, after
// the first half hour, in which the forecast learns.
func TestNoFlapping(t *testing.T) {
	const hours = 8
	worst := 0.0
	for _, rate := range []float64{3, 9, 10, 12, 30, 50, 58, 100, 155, 240, 500, 1000} {
		w := newWorld(t, uint64(rate), func() control.Config { return one(0, &policy.CostOptimal{}) }, steady(rate))
		w.until(30 * time.Minute)
		before := w.scaled
		w.until(30*time.Minute + hours*time.Hour)
		perHour := float64(w.scaled-before) / hours
		t.Logf("%v requests per second: %v changes an hour, %d VMs", rate, perHour, w.ready())
		worst = max(worst, perHour)
	}
	if worst > 0.5 {
		t.Errorf("%v changes an hour", worst)
	}
}

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
			if math.Abs(d.Rate-100) > 1 || d.Deviation > 3 || d.Reach[1] < 0.6 {
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
	if d, ok := l.Drift(); ok {
		t.Errorf("after the plan: %+v", d)
	}
}
