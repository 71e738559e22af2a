package control_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
)

// What can go wrong with a provider, one thing at a time and every time, for an hour, and then no
// more. Three VMs are wanted. Whatever it is, three serve soon after at the latest, there are never
// more than three beside those that are being ended, and none is left to itself. The table says what
// it costs: VMs launched and calls made in that hour, and what the log says.
//
// Other faults have tests of their own: the clock jumps (TestClockJumps), counts stop
// (TestCountsStop), the program is killed between launch and record
// (TestKilledBetweenLaunchAndRecord), prices change (TestPricesChange), two programs have one owner
// name (TestTwoProgramsWithOneOwner), a policy returns nonsense (TestNonsense); TestDays has all of
// them at once.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults   faults
		serving  int    // within the hour
		launched [2]int // VMs, from and to
		calls    [2]int
		said     string
	}{
		"answers slowly":            {faults{slow: 1}, 3, [2]int{3, 3}, [2]int{1, 4}, ""},
		"does not answer":           {faults{silent: 1}, 3, [2]int{3, 3}, [2]int{2, 6}, ""},
		"does not answer, nor list": {faults{silent: 1, lostList: 1}, 0, [2]int{0, 0}, [2]int{0, 0}, ""}, // it launches nothing before it knows what there is
		"throttles":                 {faults{refused: 1}, 0, [2]int{0, 0}, [2]int{10, 20}, `VMs of "small" cannot be had as asked for: functions take the rest`},
		"has half of the VMs":       {faults{few: true}, 3, [2]int{3, 3}, [2]int{2, 3}, ""},
		"VMs never register":        {faults{unregistered: 1}, 0, [2]int{15, 21}, [2]int{5, 7}, `VMs of "small" end before they are ready`},
		"VMs die booting":           {faults{dieBooting: 1}, 0, [2]int{30, 48}, [2]int{10, 16}, `VMs of "small" end before they are ready`},
	} {
		t.Run(name, func(t *testing.T) {
			n := 3.0
			w := newWorld(t, 1, func() control.Config { return one(3, ordering(&n)) }, steady(10))
			w.overflow = func(int, float64) {
				if n := w.meant(); n > 3 {
					t.Fatalf("%d VMs at %v", n, w.now)
				}
			}
			w.faults = c.faults
			w.until(time.Hour)
			want(t, "serving while it lasts", w.ready(), c.serving)
			between(t, "VMs launched", w.next, c.launched)
			between(t, "calls", w.asked, c.calls)
			if c.said != "" && w.said(c.said) == 0 {
				t.Errorf("not said: %q", w.lines)
			}
			w.faults = faults{}
			w.until(80 * time.Minute)
			want(t, "serving when it is over", w.ready(), 3)
			want(t, "that there are", len(w.vms), 3)
			want(t, "VMs that had to end themselves", w.deadMan, 0)
			want(t, "troubles that are left", len(w.loop.Troubles()), 0)
		})
	}
}

// meant is how many VMs there are that are not being ended.
func (w *world) meant() (n int) {
	for id := range w.vms {
		if vm, known := w.fleet.VM(id); !known || vm.State != provisioner.Ending {
			n++
		}
	}
	return n
}

func between(t *testing.T, what string, n int, bounds [2]int) {
	t.Helper()
	if n < bounds[0] || n > bounds[1] {
		t.Errorf("%s: %d, want %d to %d", what, n, bounds[0], bounds[1])
	}
}

// VMs that die while they drain are known to be gone: they are not waited for, and what is wanted
// next is launched.
func TestDiesDraining(t *testing.T) {
	n := 3.0
	w := newWorld(t, 1, func() control.Config { return one(3, ordering(&n)) }, steady(10))
	w.until(5 * time.Minute)
	w.faults.dieDraining = 1
	n = 1
	w.until(6 * time.Minute)
	want(t, "there is one", len(w.vms), 1)
	n = 4
	w.until(20 * time.Minute)
	want(t, "serving", w.ready(), 4)
	want(t, "that there are", len(w.vms), 4)
	want(t, "that the fleet knows of", len(w.fleet.VMs()), 4)
}
