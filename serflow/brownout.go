package serflow

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/exit/brownout"
)

// Brownout has requests leave earlier while others are shed or late, as long as Config's Budget pays
// for the accuracy that this may cost; without a budget it is off. Its steps are best made of a
// search's: brownout.StepsOf(result.Looser(3, 5)). While the accuracy watch has stricter exits in
// force, these are served whatever the load.
//
// A request counts as shed or late if it ends in ErrShed, ErrDeadline, ErrCapacity or
// ErrThrottled, or is answered after the SLO, which counts in process too. The share is looked at
// every second, but for a few requests every five; if no more than two were late, they were none.
func Brownout(c brownout.Config) Option { return func(p *Pipeline) { p.watching.brownout = &c } }

// BrownoutStats is what Brownout does.
type BrownoutStats struct {
	Step     int     // in force; 0: as usual
	Overload float64 // share of the requests that were shed or late, when it was last looked at
	Left     float64 // of the budget, in points of one request
	Earlier  int64   // requests that were served under a step
}

func (x *exits) openBrownout(o exitOptions) (err error) {
	if o.brownout == nil {
		return nil
	}
	for i, s := range o.brownout.Steps {
		if _, err := checkExits(s.Policies, len(x.model.Stages)); err != nil {
			return wrongOption("serflow.Brownout", fmt.Errorf("%w: step %d: %w", brownout.ErrConfig, i+1, err))
		}
	}
	if x.brownout, err = brownout.New(*o.brownout); err != nil {
		return wrongOption("serflow.Brownout", err)
	}
	for i := range o.brownout.Steps {
		x.steps = append(x.steps, &exitSet{policies: x.brownout.Policies(i + 1)})
	}
	return nil
}

// step is what so many requests are served with, given what is in force otherwise. Those of one
// batch are served alike: if the budget runs out at one of them, as usual.
func (x *exits) step(set *exitSet, rows int) *exitSet {
	if x.brownout == nil {
		return set
	}
	now, step := x.now(), len(x.steps)
	for range rows {
		if x.watched.alarmed() {
			x.brownout.Skip(now)
			step = 0
		} else {
			step = min(step, x.brownout.Take(now))
		}
	}
	if step == 0 {
		return set
	}
	x.overload.earlier += int64(rows)
	return x.steps[step-1]
}

// overload counts what a brownout goes by.
type overload struct {
	requests, late atomic.Int64
	share          float64 // when it was last looked at
	counts         bool    // the share: more than a few were late
	patience       int     // ticks since then
	earlier        int64
}

// note counts a request, unless its caller has gone.
func (l *overload) note(err error, late bool) {
	switch {
	case errors.Is(err, context.Canceled):
		return
	case late, errors.Is(err, ErrShed), errors.Is(err, ErrDeadline), errors.Is(err, ErrCapacity), errors.Is(err, ErrThrottled):
		l.late.Add(1)
	}
	l.requests.Add(1)
}

// A share of a few requests says little: of 50, one that is late would be an overload, and there is
// hardly a service without.
const (
	manyRequests = 50
	mostPatience = 5
	fewLate      = 2
)

// look tells whether enough has been seen for a share.
func (l *overload) look() bool {
	if l.patience++; l.requests.Load() < manyRequests && l.patience < mostPatience {
		return false
	}
	l.share, l.counts, l.patience = 0, false, 0
	if n, late := l.requests.Swap(0), l.late.Swap(0); n > 0 {
		l.share, l.counts = min(float64(late)/float64(n), 1), late > fewLate
	}
	return true
}

func (x *exits) tickBrownout(now time.Duration) []ExitsEvent {
	if x.brownout == nil {
		return nil
	}
	if l := &x.overload; l.look() {
		share := 0.0
		if l.counts {
			share = l.share
		}
		x.brownout.Tick(now, share)
	}
	step := x.brownout.Step() // it may also have ended between two ticks, for want of a budget
	if step == x.shown {
		return nil
	}
	x.shown = step
	return []ExitsEvent{{Cause: ExitsBrownout, Over: step == 0, Seen: x.overload.share, Level: step, Policies: x.current().policies}}
}

func (x *exits) brownoutStats() *BrownoutStats {
	if x.brownout == nil {
		return nil
	}
	return &BrownoutStats{Step: x.brownout.Step(), Overload: x.overload.share, Left: x.brownout.Left(), Earlier: x.overload.earlier}
}
