package traffic

import (
	"io"
	"math/rand/v2"
	"time"
)

// Poisson is arrivals at a constant rate, independent of each other, until length. A
// rate that is negative, not finite or above one a nanosecond is an error that wraps
// ErrSettings.
func Poisson(rate float64, length time.Duration, r *rand.Rand) (Source, error) {
	if err := checkRate("a rate", rate); err != nil {
		return nil, err
	}
	if err := checkRun(length, r); err != nil {
		return nil, err
	}
	ended := func() (until, rate float64, err error) { return 0, 0, io.EOF }
	return &stretches{rand: r, gap: 1e9 / rate, until: float64(length), change: ended}, nil
}

// stretches is a Poisson process whose rate is constant for a while, and then another.
//
// It keeps time as a number of nanoseconds with a fraction, so that what is rounded is
// each arrival and not the gaps, whose errors would add up.
type stretches struct {
	rand   *rand.Rand
	change func() (until, rate float64, err error) // the next stretch: ns, requests per second
	now    float64                                 // the last arrival, or the last change if it was later
	until  float64                                 // the next change
	gap    float64                                 // mean ns between arrivals; infinite at rate 0
}

// Next is the next arrival.
func (s *stretches) Next() (time.Duration, error) {
	for {
		s.now += s.rand.ExpFloat64() * s.gap
		if s.now < s.until {
			return time.Duration(s.now), nil
		}
		// How long the next request has been waited for says nothing about when it
		// comes, so at a change the gap is drawn anew.
		s.now = s.until
		until, rate, err := s.change()
		if err != nil {
			return 0, err
		}
		s.until, s.gap = until, 1e9/rate
	}
}
