//go:build nightly && !race

package control_test

import "testing"

// Ten thousand days of 24 hours, like those of TestDays.
func TestDaysNightly(t *testing.T) {
	unowned := 0
	for seed := range 10_000 {
		if n := day(t, uint64(1000+seed), 24); n > 0 {
			t.Logf("day %d: %d VMs had to end themselves", 1000+seed, n)
			unowned += n
		}
		if seed%1000 == 0 {
			t.Logf("%d days", seed)
		}
	}
	want(t, "VMs that had to end themselves", unowned, 0)
}
