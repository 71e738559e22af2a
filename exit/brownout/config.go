package brownout

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
)

// ErrConfig is wrapped by the errors of New, ErrSnapshot by those of Restore.
var (
	ErrConfig   = errors.New("brownout: bad configuration")
	ErrSnapshot = errors.New("brownout: bad snapshot")
)

// Step is a set of policies under which requests leave earlier than usual.
type Step struct {
	Policies []exit.Policy // one a stage
	Loss     float64       // of accuracy, in points, that a request under them is charged
}

// StepsOf takes points of a search's frontier, from exit.Result.Looser, as steps. Each is charged its
// LostUpper, which is against the final exit and so not less than against the usual policies.
func StepsOf(points []exit.Point) []Step {
	steps := make([]Step, len(points))
	for i, p := range points {
		steps[i] = Step{slices.Clone(p.Policies), p.LostUpper}
	}
	return steps
}

// Config is when to brown out, and what it may cost. The zero value of a field but Steps and
// Budget is its default.
type Config struct {
	Steps []Step // mildest first; each loses more than the one before
	// Budget is how much accuracy may be given up, in points averaged over all requests. At 0 the brownout
	// is off. What a request does not use may be used by another for Period; default 24 h.
	Budget float64
	Period time.Duration
	// High and Low are shares of requests that are shed or expected to be late. Above High it
	// steps on to a looser step, and when it has been at Low or below for a while, back. Default 0.01, as an
	// objective of 99 % allows, and three quarters of High: the balancer lets one in 200 be late by intent.
	High, Low float64
	Settle    time.Duration // for a step to show, before the next looser one; default 5 s
	Calm      time.Duration // the shortest while before a step back; default 1 min
}

func (c Config) withDefaults() (Config, error) {
	c.Period = ifZero(c.Period, 24*time.Hour)
	c.High = ifZero(c.High, 0.01)
	c.Low = ifZero(c.Low, 0.75*c.High)
	c.Settle = ifZero(c.Settle, 5*time.Second)
	c.Calm = ifZero(c.Calm, time.Minute)
	switch {
	case !(c.Budget >= 0 && c.Budget <= 100):
		return c, fmt.Errorf("%w: a budget of %v points: give a number from 0, which is off, to 100", ErrConfig, c.Budget)
	case c.Period < slots || c.Settle < 0 || c.Calm < 0:
		return c, fmt.Errorf("%w: a period of %v, %v to settle and %v of calm: give nothing negative", ErrConfig, c.Period, c.Settle, c.Calm)
	case !(c.Low >= 0 && c.Low <= c.High && c.High <= 1):
		return c, fmt.Errorf("%w: between shares of %v and %v: give a low one from 0 and a high one up to 1", ErrConfig, c.Low, c.High)
	}
	c.Steps = slices.Clone(c.Steps)
	for i, s := range c.Steps {
		if !(s.Loss > 0 && s.Loss <= 100) || i > 0 && s.Loss <= c.Steps[i-1].Loss {
			return c, fmt.Errorf("%w: step %d loses %v points: give a number above 0, and above that of the step before", ErrConfig, i+1, s.Loss)
		}
		c.Steps[i].Policies = slices.Clone(s.Policies)
		for k, p := range s.Policies {
			if err := p.Validate(); err != nil {
				return c, fmt.Errorf("%w: step %d, exit %d: %w", ErrConfig, i+1, k, err)
			}
		}
	}
	return c, nil
}

// Accuracy is counted in whole millionths of a point, so that not even a rounding error goes beyond
// the budget. A point on each of 10^12 requests fits.
func earned(points float64) int64  { return int64(math.Floor(points * 1e6)) }
func charged(points float64) int64 { return int64(math.Ceil(points * 1e6)) }

func ifZero[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}
