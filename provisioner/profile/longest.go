package profile

import (
	"math"
	"time"
)

// Longest is a time that a single row which goes through the stages from first to last
// seldom exceeds: their means, and the root of the sum of the squares of what their 99th
// percentiles exceed these by. For independent normal times that is the sum's own 99th
// percentile; of longer tails, which rarely come together, it is an estimate.
func Longest(t Times, first, last int) time.Duration {
	sum, squares := 0.0, 0.0
	for s := first; s <= last; s++ {
		mean := float64(t.Mean(s, 1))
		sum += mean
		squares += math.Pow(max(float64(t.Quantile(s, 1, 0.99))-mean, 0), 2)
	}
	return duration(sum + math.Sqrt(squares))
}

// Soonest is a time that a single row at a stage is seldom faster than: its first percentile.
func Soonest(t Times, stage int) time.Duration { return t.Quantile(stage, 1, 0.01) }
