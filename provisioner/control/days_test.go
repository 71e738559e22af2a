//go:build !race

package control_test

import (
	"math"
	"math/rand/v2"
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
		unregistered: some(0.3), dieBooting: some(0.5), crash: some(2), notice: some(2), dieDraining: some(0.5),
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

// Under steady Poisson traffic the scale of a group is changed less than once in two hours at any
// rate, after the first half hour, in which the forecast learns; with functions and without.
func TestNoFlapping(t *testing.T) {
	const hours = 8
	for _, perRequest := range []float64{3e-6, 0} {
		for _, rate := range []float64{3, 9, 10, 12, 30, 50, 58, 84.3, 100, 155, 240, 500, 1000} {
			w := newWorld(t, uint64(rate), func() control.Config {
				c := one(0, &policy.CostOptimal{})
				c.Groups[0].Offers[0].PerRequest = perRequest
				return c
			}, steady(rate))
			w.until(30 * time.Minute)
			before := w.scaled
			w.until(30*time.Minute + hours*time.Hour)
			if perHour := float64(w.scaled-before) / hours; perHour >= 0.5 {
				t.Errorf("%v requests per second, %v dollars each on functions: %v changes an hour, %d VMs", rate, perRequest, perHour, w.ready())
			}
		}
	}
}
