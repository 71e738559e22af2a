package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Varying is a Poisson process until length whose rate changes with time. Candidates
// come at the greatest rate of each minute, and are kept with probability At/most
// (thinning: Lewis and Shedler, Naval Research Logistics 1979). Bounds that are negative,
// not finite or the wrong way round are an error that wraps ErrSettings; so is, from
// Next, a rate that is found outside them.
func Varying(rate Rate, length time.Duration, r *rand.Rand) (Source, error) {
	if rate.At == nil || rate.Bounds == nil {
		return nil, fmt.Errorf("%w: a rate without At or Bounds: give both functions", ErrSettings)
	}
	if err := checkRun(length, r); err != nil {
		return nil, err
	}
	s := &thinned{rate: rate, length: length}
	if _, _, err := s.bounds(0, length); err != nil {
		return nil, err
	}
	s.candidates = stretches{rand: r, change: s.minute}
	return s, nil
}

type thinned struct {
	rate        Rate
	length      time.Duration
	end         time.Duration // of the minute that the bounds are for
	least, most float64
	candidates  stretches
}

// Next is the next candidate that is kept.
func (s *thinned) Next() (time.Duration, error) {
	for {
		now, err := s.candidates.Next()
		if err != nil {
			return 0, err
		}
		level := s.candidates.rand.Float64() * s.most
		if level < s.least { // kept, whatever the rate is now
			return now, nil
		}
		rate := s.rate.At(now)
		if !s.within(rate) {
			return 0, fmt.Errorf("%w: the rate at %v is %v: its bounds are %v and %v", ErrSettings, now, rate, s.least, s.most)
		}
		if level < rate {
			return now, nil
		}
	}
}

// within tells whether a rate is, give or take what rounding does.
func (s *thinned) within(rate float64) bool {
	slack := 1e-9 * s.most
	return rate >= s.least-slack && rate <= s.most+slack
}

// minute is the next one, with its greatest rate.
func (s *thinned) minute() (until, rate float64, err error) {
	if s.end >= s.length {
		return 0, 0, io.EOF
	}
	begin := s.end
	s.end += min(time.Minute, s.length-begin)
	s.least, s.most, err = s.bounds(begin, s.end)
	return float64(s.end), s.most, err
}

func (s *thinned) bounds(from, to time.Duration) (least, most float64, err error) {
	least, most = s.rate.Bounds(from, to)
	if err := checkBounds(least, most); err != nil {
		return 0, 0, fmt.Errorf("between %v and %v: %w", from, to, err)
	}
	return least, most, nil
}

func checkBounds(least, most float64) error {
	if err := checkRate("a least rate", least); err != nil {
		return err
	}
	if err := checkRate("a greatest rate", most); err != nil {
		return err
	}
	if least > most {
		return fmt.Errorf("%w: a least rate of %v above the greatest of %v: give them in order", ErrSettings, least, most)
	}
	return nil
}
