// Package profile says how long the stages of a model take: as measured on an offer, or
// as a distribution supposes. The planner and the simulation draw from it. It is only
// read after it is made, so it is safe for concurrent use, given a *rand.Rand for each
// goroutine.
package profile

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"
)

// ErrProfile marks times that cannot be right, or are another model's.
var ErrProfile = errors.New("bad profile")

// Times says how long a batch of rows takes at one stage, in a slot of one offer. Stages
// count from 0, and naming one that is not there panics; fewer rows than 1 count as 1.
// Every time is at least 1 ns.
type Times interface {
	// Stages is how many stages the model has.
	Stages() int
	// Draw is a random time.
	Draw(stage, rows int, r *rand.Rand) time.Duration
	// Mean is the mean of what Draw returns.
	Mean(stage, rows int) time.Duration
	// Quantile is the time that a share q, from 0 to 1, of batches does not exceed. The
	// longest Duration stands for what has no end.
	Quantile(stage, rows int, q float64) time.Duration
}

// duration rounds nanoseconds to a Duration of at least 1.
func duration(ns float64) time.Duration {
	switch {
	case !(ns > 1):
		return 1
	case ns >= math.MaxInt64:
		return math.MaxInt64
	}
	return time.Duration(ns + 0.5)
}
