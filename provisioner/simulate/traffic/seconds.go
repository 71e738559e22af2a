package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
)

// Seconds is a Poisson process with a rate for each second, such as Trace.Rates tells. A rate that
// cannot be is an error that wraps ErrSettings.
func Seconds(rates []float64, r *rand.Rand) (Source, error) {
	if err := checkRun(0, r); err != nil {
		return nil, err
	}
	for second, rate := range rates {
		if err := checkRate(fmt.Sprintf("second %d: a rate", second), rate); err != nil {
			return nil, err
		}
	}
	next := 0
	return &stretches{rand: r, change: func() (until, rate float64, err error) {
		if next == len(rates) {
			return 0, 0, io.EOF
		}
		next++
		return float64(next) * 1e9, rates[next-1], nil
	}}, nil
}
