// Package traffic says when requests arrive: generated from a rate, or played, redrawn
// and superposed from a recorded trace. It reads no clock and holds no randomness of
// its own: the same seed gives the same arrivals.
//
// Rates are in requests per second. Times are durations since the start of the run.
package traffic

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// What is wrong. Errors of Open are wrapped too.
var (
	ErrSettings = errors.New("bad traffic settings") // what was asked for cannot be
	ErrTrace    = errors.New("bad trace")            // a trace cannot be read, or what it says cannot be
)

// Source yields times of arrival, which never decrease. After the last its error is
// io.EOF, and stays that. It is not safe for concurrent use.
type Source interface {
	Next() (time.Duration, error)
}

// SourceCloser is a source that reads a trace. It closes what it has opened when it
// yields an error, io.EOF too; Close is for one that is not read to its end, and may come twice.
type SourceCloser interface {
	Source
	io.Closer
}

// maxRate is one request a nanosecond, which is the unit of time.
const maxRate = 1e9

func checkRate(what string, rate float64) error {
	if !(rate >= 0 && rate <= maxRate) { // negated so that NaN fails
		return fmt.Errorf("%w: %s of %v requests per second: use a number from 0 to %g", ErrSettings, what, rate, maxRate)
	}
	return nil
}

func checkRun(length time.Duration, r *rand.Rand) error {
	switch {
	case length < 0:
		return fmt.Errorf("%w: a length of %v: use 0 or more", ErrSettings, length)
	case r == nil:
		return fmt.Errorf("%w: no source of randomness: give a *rand.Rand", ErrSettings)
	}
	return nil
}
