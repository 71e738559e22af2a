package mock

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// ErrConfig marks a cloud that cannot be made as it is described.
var ErrConfig = errors.New("bad mock cloud")

// Config is how a cloud behaves. The zero value is a perfect one: everything is there
// at once, stays, and is never refused. Probabilities are from 0 to 1.
type Config struct {
	Boot          Spread        // from a launch until a VM is ready
	Unregistered  float64       // probability that a VM never becomes ready
	Insufficient  float64       // probability that a launch is refused for want of capacity
	Outages       []Window      // when every launch is refused for want of capacity
	HalfGranted   float64       // probability that a launch of several VMs brings some, from one to all but one
	Answer        Spread        // from a launch until it is answered
	LostAnswers   float64       // probability that a launch is never answered; it is done all the same
	Crashes       float64       // an hour and VM, without notice
	Interruptions float64       // an hour and spot VM, with notice
	Notice        time.Duration // from the notice to the end; default 2 min

	Cold        Spread        // initialisation of an instance of a function
	Warm        int           // instances of each function that are there from the start
	KeepAlive   time.Duration // for which an idle instance stays; 0 means for ever
	Concurrency int           // calls at once, of all functions together; 0 means no limit beside the offer's
}

// Window is a time from From to just before To, from the start of the run.
type Window struct{ From, To time.Duration }

// Has tells whether a time is in the window.
func (w Window) Has(t time.Duration) bool { return w.From <= t && t < w.To }

// Validate reports what cannot be. Its error wraps ErrConfig and names the field.
func (c Config) Validate() error {
	for name, p := range map[string]float64{
		"Unregistered": c.Unregistered, "Insufficient": c.Insufficient, "HalfGranted": c.HalfGranted, "LostAnswers": c.LostAnswers,
	} {
		if !(0 <= p && p <= 1) {
			return fmt.Errorf("%w: %s is %v: give a probability from 0 to 1", ErrConfig, name, p)
		}
	}
	for name, rate := range map[string]float64{"Crashes": c.Crashes, "Interruptions": c.Interruptions} {
		if !(rate >= 0) || math.IsInf(rate, 0) {
			return fmt.Errorf("%w: %s is %v: give a rate an hour, 0 or more", ErrConfig, name, rate)
		}
	}
	for name, s := range map[string]Spread{"Boot": c.Boot, "Answer": c.Answer, "Cold": c.Cold} {
		if err := s.validate(); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrConfig, name, err)
		}
	}
	for _, w := range c.Outages {
		if w.From < 0 || w.To <= w.From {
			return fmt.Errorf("%w: Outages has a window from %v to %v: it must end after it begins", ErrConfig, w.From, w.To)
		}
	}
	if c.Notice < 0 || c.KeepAlive < 0 || c.Concurrency < 0 || c.Warm < 0 {
		return fmt.Errorf("%w: Notice %v, Warm %d, KeepAlive %v and Concurrency %d: none may be negative", ErrConfig, c.Notice, c.Warm, c.KeepAlive, c.Concurrency)
	}
	return nil
}

// out tells whether there is an outage.
func (c Config) out(now time.Duration) bool {
	return slices.ContainsFunc(c.Outages, func(w Window) bool { return w.Has(now) })
}

// Spread is a log-normal time: one in two is below Median, 99 in 100 are below P99.
// Without a P99, it is always Median.
type Spread struct{ Median, P99 time.Duration }

// year is longer than any run. No time that is drawn exceeds it.
const year = 365 * 24 * time.Hour

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

func (s Spread) validate() error {
	switch {
	case s.Median < 0 || s.P99 < 0 || s.Median > year || s.P99 > year:
		return fmt.Errorf("a median of %v and a p99 of %v: give times from 0 to a year", s.Median, s.P99)
	case s.P99 != 0 && (s.Median == 0 || s.P99 < s.Median):
		return fmt.Errorf("a median of %v and a p99 of %v: a p99 is not below the median, and needs one above 0", s.Median, s.P99)
	}
	return nil
}

func (s Spread) draw(r *rand.Rand) time.Duration {
	if s.P99 == 0 {
		return s.Median
	}
	sigma := math.Log(float64(s.P99)/float64(s.Median)) / z99
	return time.Duration(min(float64(s.Median)*math.Exp(sigma*r.NormFloat64()), float64(year)))
}

// first is when the first event of a Poisson process comes, by its rate an hour.
func first(rate float64, r *rand.Rand) time.Duration {
	if rate == 0 {
		return provisioner.Never
	}
	if t := r.ExpFloat64() / rate * float64(time.Hour); t < float64(year) {
		return time.Duration(t)
	}
	return provisioner.Never
}
