package provisioner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// spent is all that a fleet has counted.
func spent(f *provisioner.Fleet) string {
	_, total := f.Spent()
	return fmt.Sprintf("%.9f", total)
}

func costs(lived time.Duration) string { return fmt.Sprintf("%.9f", small.Cost(lived)) }

// A VM's bill is its offer's: the minimum at launch, then whole seconds.
func TestSpent(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Ready(time.Second, "a", "f-1")
	for _, c := range []struct {
		now     time.Duration
		seconds float64
	}{{0, 60}, {59 * time.Second, 60}, {60*time.Second + 1, 61}, {61 * time.Second, 61}, {90*time.Second + 500*time.Millisecond, 91}} {
		tick(f, c.now)
		day, total := f.Spent()
		want(t, fmt.Sprint("billed at ", c.now), fmt.Sprintf("%.9f %.9f", day, total), fmt.Sprintf("%.9f %.9[1]f", c.seconds*0.10/3600))
	}
	f.Ended(100*time.Second, "a")
	_, total := f.Spent()
	want(t, "in all", fmt.Sprintf("%.9f", total), fmt.Sprintf("%.9f", small.Cost(100*time.Second)))
}

// When its price changes a VM is billed at the new one from then on, and the limits go by that.
func TestPriceChanges(t *testing.T) {
	f := started(t, provisioner.Limits{VMs: 9, PerHour: 0.5, PerDay: 9}, wanted(2))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b")
	tick(f, 100*time.Second)
	dearer := wanted(2)
	dearer.Offer.PerHour = 0.2
	if err := f.Want(dearer); err != nil {
		t.Fatal(err)
	}
	want(t, "nothing is launched for it", tick(f, 100*time.Second), "")
	tick(f, 200*time.Second)
	want(t, "dollars", spent(f), fmt.Sprintf("%.9f", 2*(100*0.1+100*0.2)/3600))
	want(t, "room", f.Standing(200*time.Second, dearer).Room, 0)
}

// A VM is billed from when it was asked for, however late the answer is.
func TestBilledFromLaunch(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(50*time.Second, "f-1", "a")
	tick(f, 90*time.Second)
	_, total := f.Spent()
	want(t, "after 90 s", fmt.Sprintf("%.9f", total), fmt.Sprintf("%.9f", small.Cost(90*time.Second)))
}

// A VM that is lost before its launch is answered costs what it costs, from when it was asked
// for until it ended. What it was is only known from the answer, or from a list.
func TestLostVMsAreBilled(t *testing.T) {
	type fleet = provisioner.Fleet
	ended := func(f *fleet) { f.Ended(100*time.Second, "a") }
	for name, c := range map[string]struct {
		events []func(f *fleet)
		want   string
	}{
		"named after its end":  {[]func(f *fleet){ended, func(f *fleet) { f.Launched(110*time.Second, "f-1", "a") }}, costs(100 * time.Second)},
		"named before its end": {[]func(f *fleet){func(f *fleet) { f.Launched(95*time.Second, "f-1", "a") }, ended}, costs(100 * time.Second)},
		"named twice": {[]func(f *fleet){ended, func(f *fleet) {
			f.Launched(110*time.Second, "f-1", "a")
			f.Launched(110*time.Second, "f-1", "a")
		}}, costs(100 * time.Second)},
		"told of its end twice": {[]func(f *fleet){ended, func(f *fleet) {
			f.Ended(120*time.Second, "a")
			f.Launched(130*time.Second, "f-1", "a")
		}}, costs(100 * time.Second)},
		"listed and named": {[]func(f *fleet){ended, func(f *fleet) {
			f.Found(105*time.Second, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
			f.Launched(110*time.Second, "f-1", "a")
		}}, costs(100 * time.Second)},
		"listed before its end": {[]func(f *fleet){func(f *fleet) {
			f.Found(95*time.Second, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
		}, ended}, costs(100 * time.Second)},
		"never named": {[]func(f *fleet){ended, func(f *fleet) { f.Launched(110*time.Second, "f-1", "b") }}, costs(110 * time.Second)}, // of b
	} {
		f := started(t, ample, wanted(1))
		tick(f, 0)
		f.Lost(90*time.Second, "a")
		tick(f, 90*time.Second)
		for _, event := range c.events {
			event(f)
		}
		f.Ended(130*time.Second, "a")
		want(t, name, spent(f), c.want)
	}

	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Ended(70*time.Second, "a")
	f.Launched(80*time.Second, "f-1", "a")
	want(t, "nothing was known but its end", spent(f), costs(70*time.Second))

	f = started(t, ample, wanted(1))
	tick(f, 0)
	f.Lost(10*time.Second, "a")
	f.Found(15*time.Second, provisioner.Found{ID: "a", Token: "e-1", Stages: whole, Offer: small})
	f.Ended(100*time.Second, "a")
	want(t, "of a launch that is not known, from when it was first heard of", spent(f), costs(90*time.Second))
}

// VMs beyond those that were asked for are ended, and paid like others.
func TestMoreThanAskedFor(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b")
	want(t, "one is enough", tick(f, 0), "end b")
	f.Ended(70*time.Second, "a")
	f.Ended(70*time.Second, "b")
	want(t, "both are paid", spent(f), fmt.Sprintf("%.9f", 2*small.Cost(70*time.Second)))
}

// What earlier runs have spent counts for the limit of a day, hour by hour until it is a day old, however often
// a program starts again; not in what this one has spent.
func TestSpentByEarlierRuns(t *testing.T) {
	limits := provisioner.Limits{VMs: 9, PerHour: 9, PerDay: 0.35}
	one := wanted(1)
	run := func(before provisioner.Spending, ago time.Duration) *provisioner.Fleet {
		f := provisioner.NewFleet("f", limits, provisioner.Patience{})
		f.Remember(before, ago)
		f.Found(0)
		if err := f.Want(one); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := run(provisioner.Spending{}, 0)
	want(t, "first", tick(f, 0), "launch 1 small f-1")
	f.Launched(0, "f-1", "a")
	f.Ready(time.Minute, "a", "f-1")
	tick(f, 3*time.Hour)
	past := f.Spending(3 * time.Hour)
	want(t, "by the hour", fmt.Sprintf("%.3f %d %v", past.Hours[:3], len(past.Hours), past.Into), "[0.298 0.000 0.000] 25 0s")

	for range 30 { // restarts every 40 minutes
		f = run(past, 30*time.Minute)
		past = f.Spending(10 * time.Minute)
	}
	day, total := f.Spent()
	want(t, "20 hours later", fmt.Sprintf("%.3f %v", day, total), "0.300 0")
	f = run(past, 0)
	want(t, "there is room for half an hour", tick(f, 0), "launch 1 small f-1")
	f.Launched(0, "f-1", "b")
	f.Ready(time.Minute, "b", "f-1")
	want(t, "until then", tick(f, 29*time.Minute), "list")
	want(t, "broke", tick(f, 31*time.Minute), "list, drain b")

	f = run(past, 5*time.Hour)
	day, _ = f.Spent()
	want(t, "what is a day old is forgotten", day, 0.0)
	f = run(provisioner.Spending{Hours: []float64{-9, 0.3}, Into: -1}, -time.Hour)
	day, _ = f.Spent()
	want(t, "a clock that was set back, and a negative sum", day, 0.3)
}

// A VM that is adopted was launched when its provider says, and earlier runs have paid for it until now: its
// minimum is not billed again.
func TestAdoptedVMsAreBilledFromNow(t *testing.T) {
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	f.Found(0, provisioner.Found{ID: "a", Token: "e-1", Stages: whole, Offer: small, Age: time.Hour})
	tick(f, 10*time.Second)
	want(t, "ten seconds", spent(f), fmt.Sprintf("%.9f", small.PerHour*10/3600))
	vm, _ := f.VM("a")
	want(t, "launched", vm.Launched, -time.Hour)

	f = provisioner.NewFleet("f", ample, provisioner.Patience{})
	f.Found(0)
	f.Found(time.Hour, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small, Age: 30 * time.Minute})
	want(t, "of a launch of this run, which nobody has paid for", spent(f), costs(30*time.Minute))
}
