//go:build !race

package simulate_test

import "testing"

// Whatever batches gain and however busy the worker, the rules are about as good as the
// better of the two extremes, or better.
func TestQueueingInBatches(t *testing.T) {
	for _, gain := range []float64{1.07, 1.2, 1.4, 2, steep} {
		for _, load := range []float64{0.3, 0.7, 0.95} {
			for _, slots := range []int{1, 4} {
				b := batching{gain: gain, load: load, slots: slots, slo: 5 * fullPass, rows: 20000, seed: 7}
				got, one, all := b.run(t, ours), b.run(t, alone), b.run(t, greedy)
				if best := max(one.SLO.Within, all.SLO.Within); got.SLO.Within < best-0.003 {
					t.Errorf("%+v: %.4f within the SLO; alone %.4f, greedy %.4f", b, got.SLO.Within, one.SLO.Within, all.SLO.Within)
				}
				b.slo = 0
				if load > 0.9 {
					continue // without deadlines, chance rules the longest queues
				}
				got, one, all = b.run(t, ours), b.run(t, alone), b.run(t, greedy)
				if best := min(one.Latency.P99, all.Latency.P99); got.Latency.P99 > 1.07*best {
					t.Errorf("%+v: p99 %.3f s; alone %.3f, greedy %.3f", b, got.Latency.P99, one.Latency.P99, all.Latency.P99)
				}
			}
		}
	}
}
