package estimate

import (
	"encoding/json"
	"fmt"
	"math"
)

// Kind says what a moving deviation is.
type Kind uint8

// The kinds of moving deviation.
const (
	Absolute Kind = iota // the EWMA of how far counts are from the mean
	Squared              // the root of the EWMA of the square of that: as a standard deviation
)

// Gains is how fast a moving estimate follows. A gain that is not above 0 and at most 1 is
// its default.
type Gains struct {
	Mean      float64 // weight of a second in the mean; default 0.2
	Deviation float64 // the same in the deviation; default 0.2
	Kind      Kind
}

func (g Gains) withDefaults() Gains {
	or := func(gain float64) float64 {
		if gain > 0 && gain <= 1 {
			return gain
		}
		return 0.2
	}
	g.Mean, g.Deviation = or(g.Mean), or(g.Deviation)
	return g
}

// Moving is an exponentially weighted moving average of one-second counts and a moving
// deviation from it: with gains a and u and a count x,
//
//	dev += u*(abs(x-m) - dev)   or   var += u*((x-m)² - var), of which the root is reported
//	m   += a*(x - m)
//
// in this order, so that a count is held against the mean that did not know it yet. The first
// count becomes the mean. This is how Libra's authors do it in their public simulator, from
// TCP's estimate of round-trip times (RFC 6298). The zero value is ready to use. It is not
// safe for concurrent use.
type Moving struct {
	Gains Gains // not part of the memory
	moving
}

// moving is what a Moving remembers.
type moving struct {
	cursor
	M      float64 `json:"mean"`
	Spread float64 `json:"deviation"` // as reported, whatever its kind
}

// Observe takes one-second counts. Seconds without a count change nothing.
func (e *Moving) Observe(counts Counts) {
	g := e.Gains.withDefaults()
	e.take(counts, func(_ int64, x float64) {
		if e.Known == 1 {
			e.M, e.Spread = x, 0
			return
		}
		off := math.Abs(x - e.M)
		if g.Kind == Squared {
			e.Spread = math.Sqrt((1-g.Deviation)*e.Spread*e.Spread + g.Deviation*off*off)
		} else {
			e.Spread += g.Deviation * (off - e.Spread)
		}
		e.M += g.Mean * (x - e.M)
	})
}

// Ready tells whether there has been a count at all.
func (e *Moving) Ready() bool { return e.Known > 0 }

// Mean is in requests per second.
func (e *Moving) Mean() float64 { return e.M }

// Deviation is in requests per second.
func (e *Moving) Deviation() float64 { return e.Spread }

// MarshalJSON is the memory without the gains.
func (e *Moving) MarshalJSON() ([]byte, error) { return json.Marshal(e.moving) }

// UnmarshalJSON takes up what MarshalJSON has written, and keeps the gains. Its error wraps
// ErrState, and then nothing changes.
func (e *Moving) UnmarshalJSON(data []byte) error {
	var m moving
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if err := m.check(); err != nil {
		return err
	}
	if err := checkNumbers(m.M, m.Spread); err != nil {
		return err
	}
	e.moving = m
	return nil
}
