package depth

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Reach returns the share of requests that get as far as each stage, at a time: 1 for
// the first stage, and never more for a stage than for the one before. The slice is only read,
// until the next call. Write your own for a drift that is not here, and have it allocate nothing.
type Reach func(now time.Duration) []float64

// Fixed is a reach that does not drift. The error wraps ErrDepth.
func Fixed(reach []float64) (Reach, error) {
	if err := check(reach); err != nil {
		return nil, err
	}
	reach = slices.Clone(reach)
	return func(time.Duration) []float64 { return reach }, nil
}

// Ramp drifts in a straight line from one reach, until start, to another, from end on. If
// end is start it is a step. The error wraps ErrDepth.
func Ramp(from, to []float64, start, end time.Duration) (Reach, error) {
	if end < start {
		return nil, fmt.Errorf("%w: a ramp from %v to %v: let it end no earlier than it starts", ErrDepth, start, end)
	}
	return between(from, to, func(now time.Duration) float64 {
		switch {
		case now < start:
			return 0
		case now >= end:
			return 1
		}
		return float64(now-start) / float64(end-start)
	})
}

// Wave drifts to and fro along a sine: it is at the one reach at 0 and after each
// period, and at the other half a period later. The error wraps ErrDepth.
func Wave(from, to []float64, period time.Duration) (Reach, error) {
	if period <= 0 {
		return nil, fmt.Errorf("%w: a period of %v: give more than 0", ErrDepth, period)
	}
	return between(from, to, func(now time.Duration) float64 {
		return (1 - math.Cos(2*math.Pi*float64(now%period)/float64(period))) / 2
	})
}

// between is the reach that lies a share, from 0 to 1, of the way from one to another.
func between(from, to []float64, share func(now time.Duration) float64) (Reach, error) {
	if err := check(from); err != nil {
		return nil, err
	}
	if err := check(to); err != nil {
		return nil, err
	}
	if len(from) != len(to) {
		return nil, fmt.Errorf("%w: a drift from %d stages to %d: give both of the same model", ErrDepth, len(from), len(to))
	}
	from, to = slices.Clone(from), slices.Clone(to)
	reach := slices.Clone(from)
	return func(now time.Duration) []float64 {
		w := share(now)
		for s := 1; s < len(reach); s++ {
			reach[s] = (1-w)*from[s] + w*to[s]
		}
		return reach
	}, nil
}

func check(reach []float64) error {
	if len(reach) == 0 || reach[0] != 1 {
		return fmt.Errorf("%w: reach %v: give one number a stage, 1 for the first", ErrDepth, reach)
	}
	for s := 1; s < len(reach); s++ {
		if !(reach[s] >= 0 && reach[s] <= reach[s-1]) {
			return fmt.Errorf("%w: reach %v: stage %d must have from 0 to what the stage before it has", ErrDepth, reach, s+1)
		}
	}
	return nil
}
