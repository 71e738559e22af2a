package stage

import "fmt"

// Range is contiguous stages of a model, counted from 0: those from First to Last.
type Range struct{ First, Last int }

// Has tells whether stage k is in the range.
func (r Range) Has(k int) bool { return r.First <= k && k <= r.Last }

// Len is the number of stages.
func (r Range) Len() int { return r.Last - r.First + 1 }

// String counts as people do: stages 1-3 for {0, 2}.
func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("stage %d", r.First+1)
	}
	return fmt.Sprintf("stages %d-%d", r.First+1, r.Last+1)
}
