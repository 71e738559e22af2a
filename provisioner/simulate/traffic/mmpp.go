package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// State is one of the states that an MMPP goes through.
type State struct {
	Rate    float64       // requests per second while it lasts
	Sojourn time.Duration // how long it lasts in the mean
}

// MMPP is bursty traffic until length: a Poisson process whose rate is that of a state,
// which lasts for an exponentially distributed time and is followed by any of the others,
// all equally likely (a Markov-modulated Poisson process: Fischer and Meier-Hellstern,
// Performance Evaluation 1993). The first state is drawn by the share of time that each
// takes in the long run, so the mean rate is the mean of the rates weighted by the
// sojourns. Less than two states, or a rate or a sojourn that cannot be, is an error that
// wraps ErrSettings.
func MMPP(states []State, length time.Duration, r *rand.Rand) (Source, error) {
	if len(states) < 2 {
		return nil, fmt.Errorf("%w: an MMPP of %d states: give at least 2, or use Poisson", ErrSettings, len(states))
	}
	total := 0.0
	for i, s := range states {
		if err := checkRate(fmt.Sprintf("state %d: a rate", i), s.Rate); err != nil {
			return nil, err
		}
		if s.Sojourn <= 0 {
			return nil, fmt.Errorf("%w: state %d: a mean sojourn of %v: use more than 0", ErrSettings, i, s.Sojourn)
		}
		total += float64(s.Sojourn)
	}
	if err := checkRun(length, r); err != nil {
		return nil, err
	}
	m := &modulation{rand: r, states: slices.Clone(states), length: float64(length)}
	for u := r.Float64() * total; m.state < len(states)-1; m.state++ {
		if u -= float64(states[m.state].Sojourn); u < 0 {
			break
		}
	}
	return &stretches{rand: r, change: m.sojourn}, nil
}

// modulation is the states of an MMPP one after the other.
type modulation struct {
	rand   *rand.Rand
	states []State
	length float64 // ns
	state  int     // the next
	now    float64 // ns; when it begins
}

// sojourn is the next state's; what is left of it at any time is distributed as all of
// it is, so the first needs no other treatment.
func (m *modulation) sojourn() (until, rate float64, err error) {
	if m.now >= m.length {
		return 0, 0, io.EOF
	}
	s := m.states[m.state]
	m.now += m.rand.ExpFloat64() * float64(s.Sojourn)
	other := m.rand.IntN(len(m.states) - 1)
	if other >= m.state {
		other++
	}
	m.state = other
	return min(m.now, m.length), s.Rate, nil
}
