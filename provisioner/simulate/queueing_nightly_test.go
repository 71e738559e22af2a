//go:build nightly && !race

package simulate_test

import "testing"

// One VM agrees with theory to 2 % at every load: 1.4 billion requests.
func TestQueueingNightly(t *testing.T) {
	for _, load := range []float64{0.95, 0.9, 0.8, 0.7, 0.5, 0.3} {
		closely(t, queueings(load)...)
	}
}
