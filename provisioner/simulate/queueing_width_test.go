//go:build !race

package simulate_test

import (
	"fmt"
	"testing"
)

// width is that of the intervals, relative to the mean.
const width = 0.02

// One VM agrees with theory to 2 %, where that takes seconds. The race detector would
// make minutes of them, and there is nothing in a run that could race.
func TestQueueing(t *testing.T) {
	low, middle := queueings(0.3), queueings(0.5)
	closely(t, low[1], low[2], low[3], middle[0], middle[1], middle[2])
}

func closely(t *testing.T, all ...queueing) {
	for _, q := range all {
		t.Run(fmt.Sprintf("%s/load=%v", q.name, q.load), func(t *testing.T) {
			t.Parallel()
			q.agree(t, width)
		})
	}
}
