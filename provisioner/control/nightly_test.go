//go:build nightly && !race

package control_test

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// Ten thousand days of 24 hours, like those of TestDays, on all cores.
func TestDaysNightly(t *testing.T) {
	const hundreds = 100
	var unowned, done atomic.Int64
	t.Run("days", func(t *testing.T) {
		for i := range hundreds {
			t.Run(fmt.Sprint(100*i), func(t *testing.T) {
				t.Parallel()
				for seed := range 100 {
					if n := day(t, uint64(1000+100*i+seed), 24); n > 0 {
						t.Logf("day %d: %d VMs had to end themselves", 1000+100*i+seed, n)
						unowned.Add(int64(n))
					}
				}
				t.Logf("%d of %d hundred days", done.Add(1), hundreds)
			})
		}
	})
	want(t, "VMs that had to end themselves", int(unowned.Load()), 0)
}
