package estimate

import (
	"encoding/json"
	"fmt"
)

// windowSeconds is the longest time that a Window looks back.
const windowSeconds = 60

// Window is the counts of the last minute. The zero value is ready to use. It is not safe for
// concurrent use.
type Window struct{ window }

// window is what a Window remembers.
type window struct {
	cursor
	Seconds []int64   `json:"seconds"` // with a count, the oldest first
	Counts  []float64 `json:"counts"`
}

// Observe takes one-second counts.
func (w *Window) Observe(counts Counts) {
	w.take(counts, func(second int64, x float64) {
		if n := len(w.Seconds); n > 0 && second < w.Seconds[n-1] { // the clock has been set back
			w.Seconds, w.Counts = w.Seconds[:0], w.Counts[:0]
		}
		if len(w.Seconds) == windowSeconds {
			copy(w.Seconds, w.Seconds[1:])
			copy(w.Counts, w.Counts[1:])
			w.Seconds, w.Counts = w.Seconds[:windowSeconds-1], w.Counts[:windowSeconds-1]
		}
		w.Seconds, w.Counts = append(w.Seconds, second), append(w.Counts, x)
	})
}

// Mean is the mean rate in so many seconds, up to a minute, before a second; ok is false if
// none of them has a count.
func (w *Window) Mean(before, seconds int64) (mean float64, ok bool) {
	known := 0.0
	for i, s := range w.Seconds {
		if s < before && s >= before-seconds {
			mean += w.Counts[i]
			known++
		}
	}
	return mean / max(known, 1), known > 0
}

// MarshalJSON is the memory.
func (w *Window) MarshalJSON() ([]byte, error) { return json.Marshal(w.window) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps ErrState, and then
// nothing changes.
func (w *Window) UnmarshalJSON(data []byte) error {
	var m window
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if n := len(m.Seconds); n != len(m.Counts) || n > windowSeconds {
		return fmt.Errorf("%w: a window of %d seconds and %d counts: start without this memory", ErrState, n, len(m.Counts))
	}
	if err := checkNumbers(m.Counts...); err != nil {
		return err
	}
	w.window = m
	return nil
}
