package serflow

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit/drift"
)

// Drift has the share of requests that reach each stage compared with what is expected, and an
// alarm raised when it is another: in Stats, in the Log, and at the Observer. The plan, its prices
// and its machines are reckoned for the reach expected. Config's Stages may be left out.
// Requests that leave by other exits than the usual ones, because the accuracy watch or a brownout has
// it so, do not count.
func Drift(c drift.Config) Option { return func(p *Pipeline) { p.watching.drift = &c } }

// DriftStats is what Drift has seen. Times are since Open.
type DriftStats struct {
	Rates    []drift.Rate  // of late, by stage
	Expected []float64     // reach, by stage; nil while it is being learned
	Alarms   []drift.Alarm // that go on
	Paused   bool          // other exits than the usual ones are in force
}

func (x *exits) openDrift(o exitOptions) (err error) {
	if o.drift == nil {
		return nil
	}
	c := *o.drift
	if c.Stages == 0 {
		c.Stages = len(x.model.Stages)
	}
	if x.drift, err = drift.New(c); err == nil && c.Stages != len(x.model.Stages) {
		err = drift.ErrConfig
	}
	if err != nil {
		return wrongOption("serflow.Drift", err)
	}
	return nil
}

// tickDrift hands over what has been counted.
func (x *exits) tickDrift(now time.Duration) (events []ExitsEvent) {
	if x.drift == nil {
		return nil
	}
	before := x.drift.Alarms()
	for k := range x.usual.left {
		x.drift.Add(now, k, int(x.usual.left[k].Swap(0)))
	}
	x.drift.Tick(now)
	after := x.drift.Alarms()
	has := func(list []drift.Alarm, stage int) bool {
		return slices.ContainsFunc(list, func(a drift.Alarm) bool { return a.Stage == stage })
	}
	for _, a := range after {
		if !has(before, a.Stage) {
			events = append(events, x.drifted(a))
		}
	}
	for _, a := range before {
		if !has(after, a.Stage) {
			e := x.drifted(a)
			e.Over, e.Seen = true, x.drift.Rates()[a.Stage].Reach
			events = append(events, e)
		}
	}
	return events
}

func (x *exits) drifted(a drift.Alarm) ExitsEvent {
	return ExitsEvent{Cause: ExitsDrift, Stage: x.model.Stages[a.Stage].Name, Expected: a.Expected, Seen: a.Seen}
}

func (x *exits) driftStats() *DriftStats {
	if x.drift == nil {
		return nil
	}
	return &DriftStats{Rates: x.drift.Rates(), Expected: x.drift.Expected(), Alarms: x.drift.Alarms(), Paused: x.current() != x.usual}
}
