//go:build !race

package simulate_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

// Ten times the traffic does not take more memory, all allocations of a run together.
func TestMemoryDoesNotGrowWithTheTrace(t *testing.T) {
	allocated := func(length time.Duration) uint64 {
		s := split(t)
		s.Traffic, s.Depths, s.SLO = poisson(80, length), independent(1, 0.5), 200*ms
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := simulate.Run(t.Context(), s)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if want := int(75 * length.Seconds()); res.Requests < want {
			t.Fatalf("%d requests, want at least %d", res.Requests, want)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	short := allocated(5 * time.Minute)
	if long := allocated(50 * time.Minute); float64(long) > 1.2*float64(short) {
		t.Errorf("%d bytes for 5 minutes of traffic, %d for 50", short, long)
	}
}
