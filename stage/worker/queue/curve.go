package queue

import (
	"slices"
	"time"
)

// What is worth the trouble of batches.
const (
	worthGain = 0.05  // of a single row's time, that a row takes less in the best batch
	worthMore = 0.001 // of a row's time, that it takes less in a larger batch
)

// curve is what a batch of n rows takes, at n-1.
type curve []time.Duration

// Worth is how many rows the largest batch has that is worth running, given what a batch of n
// rows takes at n-1: a row takes at least 0.1 % less of the slot's time in it than in any
// smaller one. It is 1 if a row takes less than 5 % less than alone, for measurements err by
// as much, and 0 if nothing is known. Worth(curve[:Worth(curve)]) is the same.
func Worth(curve []time.Duration) int {
	if len(curve) == 0 {
		return 0
	}
	single := float64(curve[0])
	best, least := 1, single
	for i, t := range curve {
		if perRow := float64(t) / float64(i+1); perRow <= (1-worthMore)*least {
			best, least = i+1, perRow
		}
	}
	if least > (1-worthGain)*single {
		return 1
	}
	return best
}

// more is how much longer a batch of n rows takes with one row more.
func (c curve) more(n int) float64 { return float64(c[n]) - float64(c[n-1]) }

// saved is the slot's time that this row saves by not being run alone.
func (c curve) saved(n int) float64 { return float64(c[0]) - max(c.more(n), 0) }

// open makes a stage ready for rows.
func (w *waiting) open(c curve, most int, window time.Duration) {
	before := w.curve
	w.size, w.window, w.curve = most, window, nil
	if len(c) == 0 {
		return
	}
	w.size = Worth(c[:min(len(c), most)])
	w.curve = c[:w.size]
	if w.window == 0 {
		w.window = w.curve[w.size-1]
	}
	if !slices.Equal(before, w.curve) { // else how often rows come is known
		w.gap = w.longestGap()
	}
}

// longestGap is a gap for which no row need wait. To learn of longer ones would only make
// it take longer to forget them.
func (w *waiting) longestGap() float64 { return 4 * float64(w.curve[w.size-1]) }

// came notes that rows have come, of which those that come together count as one: it is for
// the next of them that a row may wait.
func (w *waiting) came(now time.Duration) {
	if w.size == 1 || w.curve == nil || now == w.last {
		return
	}
	w.gap += (min(float64(now-w.last), w.longestGap()) - w.gap) / gapMemory
	w.last = now
}
