package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Play is the trace as it was recorded. Timestamps need no randomness, and r may be nil;
// of Counts, the requests of each second are spread over it uniformly and independently.
func (t Trace) Play(r *rand.Rand) (SourceCloser, error) {
	if t.Format == Counts && r == nil {
		return nil, fmt.Errorf("%w: playing counts without a source of randomness: give a *rand.Rand", ErrSettings)
	}
	rows, err := openRows(t)
	if err != nil {
		return nil, err
	}
	if t.Format == Timestamps {
		return recorded{rows}, nil
	}
	return &spread{rows: rows, rand: r}, nil
}

// recorded is the rows of Timestamps.
type recorded struct{ *rows }

// Next is the next row.
func (s recorded) Next() (time.Duration, error) {
	at, _, err := s.next()
	return at, err
}

// spread draws when in its second each request of Counts came.
type spread struct {
	*rows
	rand   *rand.Rand
	second time.Duration // when it began
	n      int           // requests of it to come
	left   float64       // ns of it after the last one
}

// Next is the first of the n requests that are uniform over what is left of the second.
// The share of it that is left after the first is U^(1/n), and the logarithm of a
// uniform U is exponential: so they come sorted, and none need be kept.
func (s *spread) Next() (time.Duration, error) {
	for s.n == 0 {
		at, n, err := s.next()
		if err != nil {
			return 0, err
		}
		s.second, s.n, s.left = at, n, 1e9
	}
	s.left *= math.Exp(-s.rand.ExpFloat64() / float64(s.n))
	s.n--
	return s.second + min(time.Duration(1e9-s.left), time.Second-1), nil
}
