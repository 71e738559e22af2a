package drift

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrConfig is wrapped by the errors of New, ErrSnapshot by those of Restore.
var (
	ErrConfig   = errors.New("drift: bad configuration")
	ErrSnapshot = errors.New("drift: bad snapshot")
)

// Config says what drift is and how often it may be cried for nothing. The zero value of a
// field but Stages is its default.
type Config struct {
	Stages int // of the model, at least 1
	// Reference is the share of requests expected to leave at each stage, from validation
	// rows (exit.Replay). Without it the first traffic is the reference: an hour of it or
	// more, until there are requests enough to know each reach to a quarter of Allowance.
	Reference []float64
	// Allowance is by how many points a reach may differ from the reference and be no
	// drift; default 2.
	Allowance float64
	// Dispersion is how many times as much as in independent requests the number that reach
	// a stage may vary, because exits come in runs; at least 1, default 8. Runs of mean
	// length L, such as the rows of a batch, take 2L-1.
	Dispersion float64
	PerDay     float64       // false alarms a day, at most, in the mean; default 0.01
	Slice      time.Duration // of time, after which the counts are looked at; default 10 s
	Memory     time.Duration // time constant of the reported rates; default 10 min
}

func (c Config) withDefaults() (Config, error) {
	c.Allowance = ifZero(c.Allowance, 2)
	c.Dispersion = ifZero(c.Dispersion, 8)
	c.PerDay = ifZero(c.PerDay, 0.01)
	c.Slice = ifZero(c.Slice, 10*time.Second)
	c.Memory = ifZero(c.Memory, 10*time.Minute)
	switch {
	case c.Stages < 1:
		return c, fmt.Errorf("%w: %d stages: give the model's number", ErrConfig, c.Stages)
	case !(c.Allowance > 0 && c.Allowance < 100):
		return c, fmt.Errorf("%w: an allowance of %v: give points of reach between 0 and 100", ErrConfig, c.Allowance)
	case !(c.Dispersion >= 1) || math.IsInf(c.Dispersion, 0):
		return c, fmt.Errorf("%w: a dispersion of %v: give 1, for independent requests, or more", ErrConfig, c.Dispersion)
	case !(c.PerDay > 0) || math.IsInf(c.PerDay, 0):
		return c, fmt.Errorf("%w: %v false alarms a day: give a number above 0, such as 0.01", ErrConfig, c.PerDay)
	case c.Slice < 0 || c.Memory < c.Slice:
		return c, fmt.Errorf("%w: slices of %v and a memory of %v: give a memory that is not shorter than a slice", ErrConfig, c.Slice, c.Memory)
	}
	return c, c.checkReference()
}

func (c *Config) checkReference() error {
	if len(c.Reference) == 0 {
		c.Reference = nil
		return nil
	}
	sum := 0.0
	for _, share := range c.Reference {
		if !(share >= 0) {
			sum = math.NaN()
		}
		sum += share
	}
	if len(c.Reference) != c.Stages || !(math.Abs(sum-1) <= 0.001) {
		return fmt.Errorf("%w: reference %v: give the share of requests that leave at each of %d stages; they add up to 1", ErrConfig, c.Reference, c.Stages)
	}
	c.Reference = slices.Clone(c.Reference)
	return nil
}

func ifZero[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}

// warmUp is what a reference takes that is learned. With so many requests the standard
// error of a reach, which is at most 1/2 * sqrt(Dispersion/n), is a quarter of Allowance.
const warmUp = time.Hour

func (c Config) warmUpRequests() float64 {
	error := c.Allowance / 100 / 4
	return c.Dispersion / (4 * error * error)
}

// alarmAt is the evidence, as a logarithm, at which a test of one reach on one side alarms.
// A slice of requests brings each test of one rival at most exp(-alarmAt) false alarms in the mean.
func (c Config) alarmAt() float64 {
	slices := float64(24*time.Hour) / float64(c.Slice)
	tests := float64(2 * rivals * max(c.Stages-1, 1))
	return math.Log(max(slices*tests/c.PerDay, 1))
}

// clearAt is that at which an alarm ends: a reach that stays just outside the allowance
// would end its alarm falsely once an hour, at most, in the mean.
func (c Config) clearAt() float64 {
	return math.Log(max(float64(time.Hour)/float64(c.Slice), 2))
}
