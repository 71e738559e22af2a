//go:build !race

package simulate_test

import (
	"testing"
)

// One VM agrees with theory, as closely as a second shows. Other files have intervals
// ten times narrower, and higher loads.
func TestQueueingRoughly(t *testing.T) {
	for _, q := range queueings(0.5) {
		t.Run(q.name, func(t *testing.T) { q.agree(t, 0.2) })
	}
}
