// Package estimate turns counts of requests into rates, now and a while ahead.
//
//	counts, one a second -> Moving:   the mean and its deviation
//	                     -> Forecast: the rate when a VM ordered now will serve, as a distribution
//
// It is plain state: no clock, no randomness, no I/O. Seconds are counted from an origin that
// stays the same when a program starts again, such as the Unix epoch; all that is remembered
// travels as JSON, so that a restart forgets nothing. Nothing here is safe for concurrent use.
package estimate

import (
	"errors"
	"fmt"
	"math"
)

// ErrState marks memory that cannot be taken up again.
var ErrState = errors.New("bad estimator state")

// Counts is how many requests came in each of some seconds in a row.
type Counts struct {
	First int64 // the number of the first second
	Each  []int // a negative count is one that is not known
}

// repeats is how many seconds may be handed over again, in a tick that overlaps the last one.
// A clock that goes back further has been set back.
const repeats = 60

// cursor is the second up to which counts have been taken.
type cursor struct {
	Next  int64 `json:"next"`  // the first second that has not been taken
	Known int64 `json:"known"` // seconds that had a count
}

// take calls each second that is new and has a count. Seconds without one say nothing: no
// news is not zero traffic, and a clock that jumps on only leaves a gap.
func (c *cursor) take(counts Counts, see func(second int64, x float64)) {
	first, each := counts.First, counts.Each
	if old := c.Next - first; c.Known > 0 && old > 0 && old <= repeats {
		each = each[min(int(old), len(each)):]
		first = c.Next
	}
	for i, x := range each {
		if x >= 0 {
			c.Next = first + int64(i) + 1
			c.Known++
			see(c.Next-1, float64(x))
		}
	}
}

func (c cursor) check() error {
	if c.Known < 0 {
		return fmt.Errorf("%w: %d seconds were counted: start without this memory", ErrState, c.Known)
	}
	return nil
}

// checkNumbers wants numbers that counts can have led to.
func checkNumbers(numbers ...float64) error {
	for _, x := range numbers {
		if !(x >= 0) || math.IsInf(x, 0) {
			return fmt.Errorf("%w: it holds %v: start without this memory", ErrState, x)
		}
	}
	return nil
}
