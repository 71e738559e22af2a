// Package brownout lets requests leave a model earlier than usual while it is overloaded, before any is
// refused, as long as a budget of accuracy pays for it. (The word is that of Klein et al.,
// "Brownout: building more robust cloud applications", ICSE 2014.)
//
// The driver tells Tick now and then what share of requests is shed or expected to be late, and asks Take for
// each request under which step it is to be served. The accuracy given up is bounded, whatever the overload:
// over all requests since the start it is at most Budget in the mean; and what is given up in
// any stretch of time is paid by the requests of that stretch and of one Period before it.
//
// It is plain state: it starts no goroutine, reads no clock and does no I/O. Times are
// durations since an origin of the driver's choice, from 0, and never go back.
package brownout

import (
	"time"

	"github.com/serflow/serflow-go/exit"
)

// Brownout is that of one model. It is not safe for concurrent use.
type Brownout struct {
	config Config
	cost   []int64 // of a request under each step; 0 of the usual one
	budget budget

	step     int           // 0: as usual
	changed  time.Duration // when the step did
	fell     bool          // the last change was to a milder step
	ever     bool          // there was one
	spent    bool          // the last step ended because the budget had run out
	calm     time.Duration // to be waited for, now
	calmFrom time.Duration // since when there has been no more than Low
	calmNow  bool

	requests int // since the last tick
	ticked   time.Duration
	rate     float64 // requests a second, at the last tick
}

// New is a brownout that has seen nothing: its budget is empty, and fills as requests come. The driver's slices are copied.
func New(config Config) (*Brownout, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Brownout{config: c, cost: []int64{0}, budget: newBudget(c), calm: c.Calm}
	for _, s := range c.Steps {
		b.cost = append(b.cost, charged(s.Loss))
	}
	return b, nil
}

// Take is the step under which a request is to be served, 0 for as usual, and charges it to the budget. Give what is
// served under stricter policies for another reason, such as package watch's, to Skip.
func (b *Brownout) Take(now time.Duration) (step int) {
	b.Skip(now)
	if b.step == 0 {
		return 0
	}
	if !b.budget.spend(b.cost[b.step]) {
		b.spent = true
		b.move(now, 0)
	}
	return b.step
}

// Skip counts a request that is served as usual.
func (b *Brownout) Skip(now time.Duration) {
	b.requests++
	b.budget.advance(now)
	b.budget.earn()
}

// Step is the one in force, without charging anything.
func (b *Brownout) Step() int { return b.step }

// Policies are those of a step, or nil for step 0 and below. They are not to be changed.
func (b *Brownout) Policies(step int) []exit.Policy {
	if step < 1 || step > len(b.config.Steps) {
		return nil
	}
	return b.config.Steps[step-1].Policies
}

// Left is what is in the budget, in points of one request: divided by a step's Loss, the
// requests that could be served under it now.
func (b *Brownout) Left() float64 { return float64(b.budget.total) / 1e6 }
