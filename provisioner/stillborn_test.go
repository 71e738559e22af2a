package provisioner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// dying is a fleet of one kind of VM whose VMs all end in the second after their launch, in some
// way; it returns when launches were asked for, in seconds.
func dying(t *testing.T, n int, until time.Duration, die func(f *provisioner.Fleet, now time.Duration, id string)) (launches []int) {
	f := started(t, ample, wanted(n))
	for now := time.Duration(0); now < until; now += time.Second {
		for _, vm := range f.VMs() {
			if vm.State == provisioner.Booting {
				die(f, now, vm.ID)
			}
		}
		actions, _ := f.Tick(now)
		for _, a := range actions {
			switch a.Kind {
			case provisioner.Launch:
				launches = append(launches, int(now/time.Second))
				var all []string
				for range a.VMs {
					all = append(all, fmt.Sprint("vm", len(launches), len(all)))
				}
				f.Launched(now, a.Token, all...)
			case provisioner.End:
				f.Ended(now, a.ID)
			}
		}
	}
	return launches
}

// What ends while it boots is replaced at once the first time, and then after pauses that double,
// however that came to be known. All VMs of a launch that die together are one failure.
func TestStillborn(t *testing.T) {
	for name, die := range map[string]func(f *provisioner.Fleet, now time.Duration, id string){
		"lost":       func(f *provisioner.Fleet, now time.Duration, id string) { f.Lost(now, id) },
		"ended":      func(f *provisioner.Fleet, now time.Duration, id string) { f.Ended(now, id) },
		"lost twice": func(f *provisioner.Fleet, now time.Duration, id string) { f.Lost(now, id); f.Lost(now, id) },
	} {
		for n := 1; n <= 3; n++ {
			want(t, name, dying(t, n, time.Minute, die), []int{0, 1, 2 + 5, 8 + 10, 19 + 20})
		}
	}
}

// A VM that has not registered within Patience.Boot is replaced, and those after it after pauses.
func TestNeverRegisteredAgainAndAgain(t *testing.T) {
	got := dying(t, 2, 35*time.Minute, func(*provisioner.Fleet, time.Duration, string) {})
	want(t, "launches", got, []int{0, 600, 1205, 1815})
}

// One that is ready says that its kind can start, and pauses begin anew. What another program
// has launched says nothing.
func TestStillbornIsForgotten(t *testing.T) {
	f := started(t, ample, wanted(2))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b")
	f.Lost(time.Second, "a")
	want(t, "replaced at once", tick(f, time.Second), "end a, launch 1 small f-2")
	f.Launched(time.Second, "f-2", "c")
	f.Lost(2*time.Second, "c")
	want(t, "held back", tick(f, 2*time.Second), "end c")
	want(t, "standing", f.Standing(2*time.Second, wanted(2)), provisioner.Standing{Booting: 1, Stillborn: 2, Held: true, Room: 97})
	_, wake := f.Tick(2 * time.Second)
	want(t, "woken", wake, 7*time.Second)
	f.Ready(3*time.Second, "b", "f-1")
	want(t, "one can start", tick(f, 3*time.Second), "launch 1 small f-3")
	f.Launched(3*time.Second, "f-3", "d")
	f.Lost(4*time.Second, "d")
	want(t, "replaced at once again", tick(f, 4*time.Second), "end d, launch 1 small f-4")

	f = started(t, ample, wanted(1))
	for now := time.Second; now < 4*time.Second; now += time.Second {
		id := now.String()
		f.Found(now, provisioner.Found{ID: id, Token: "other-1", Stages: whole, Offer: small})
		tick(f, now)
		f.Lost(now, id)
	}
	want(t, "of another program", f.Standing(4*time.Second, wanted(1)).Held, false)
}
