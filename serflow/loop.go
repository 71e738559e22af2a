package serflow

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
)

// scaler drives the control loop: requests count themselves, and the fleet's goroutine has the
// loop decide before each of its own ticks.
type scaler struct {
	loop   *control.Loop
	groups []control.Group // of the plan in force
	since  time.Duration   // of the pipeline's clock at 0, since the Unix epoch
	ration atomic.Uint64   // of float64

	ticked atomic.Bool // the loop has decided

	mu     sync.Mutex
	tally  *control.Tally // of requests, by the stages that they have got to
	called *control.Tally // of calls of functions, by the stages that they begin with
}

// decided tells whether the loop has, if there is one: before, it knows nothing worth keeping.
func (s *scaler) decided() bool { return s == nil || s.ticked.Load() }

// newScaler is nil if nothing is to be scaled.
func (c *cloud) newScaler() (*scaler, error) {
	c.lay(c.plan.VMs, *c.plan)
	if c.scaling == nil || c.vms == nil && !c.recommend {
		return nil, nil
	}
	stages := len(c.model.Stages)
	groups, err := c.groups(c.expected(), stages)
	if err != nil {
		return nil, err
	}
	config := control.Config{Policy: c.scaling.Policy, Every: c.scaling.Every, Groups: groups, Limits: c.limits}
	if c.replanned {
		config.Reach = c.plan.Reach
	}
	l, err := control.New(config)
	if err != nil {
		return nil, c.wrong("change serflow.Scale", err)
	}
	c.lay(l.Kinds(), *c.plan)
	s := newScaler(l, stages, c.begun)
	s.groups = groups
	return s, nil
}

func newScaler(l *control.Loop, stages int, begun time.Time) *scaler {
	s := &scaler{loop: l, since: time.Duration(begun.UnixNano())}
	s.tally = control.NewTally(stages, s.second(0)+1) // of the first second a part is missing
	s.called = control.NewTally(stages, s.second(0)+1)
	s.ration.Store(math.Float64bits(math.Inf(1)))
	return s
}

// second is the number of the one that a time is in.
func (s *scaler) second(now time.Duration) int64 { return int64((s.since + now) / time.Second) }

// begins counts a request, and tells whether it is one too many for VMs that are rationed.
func (s *scaler) begins(now time.Duration) (rationed bool) {
	if s == nil {
		return false
	}
	ration := math.Float64frombits(s.ration.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.See(s.second(now), 0)
	return s.tally.Rationed(s.second(now), ration)
}

// ends counts a request at the stages that it has got to, behind the first.
func (s *scaler) ends(now time.Duration, last int) {
	if s == nil || last < 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := 1; at <= last; at++ {
		s.tally.See(s.second(now), at)
	}
}

// sends counts what is sent to a function, but for hedges, which say nothing of how loaded VMs are.
func (s *scaler) sends(now time.Duration, step balancer.Step) {
	if s == nil || step.Hedge || step.Place.Kind() != balancer.Function {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.called.See(s.second(now), step.Stage)
}

// tick has the loop decide, if it is due; due is false if it was not.
func (s *scaler) tick(now time.Duration, f *provisioner.Fleet) (lines []control.Line, due bool) {
	if s == nil || !s.loop.Due(now, f) {
		return nil, false
	}
	s.mu.Lock()
	seen := control.Seen{Wall: s.since + now, Counts: s.tally.Take(s.second(now)), Calls: s.called.Take(s.second(now))}
	s.mu.Unlock()
	lines = s.loop.Tick(now, f, seen)
	s.ration.Store(math.Float64bits(s.loop.Ration(0)))
	s.ticked.Store(true)
	return lines, true
}

// next is when the loop is due, if that is before a time.
func (s *scaler) next(wake time.Duration, f *provisioner.Fleet) time.Duration {
	if s == nil || !f.Listed() {
		return wake
	}
	return min(wake, s.loop.Next())
}

// decide has the loop tell the fleet what is wanted, and logs what it says.
func (f *fleet) decide() {
	lines, due := f.scaler.tick(f.now(), f.machine)
	if !due {
		return
	}
	for _, line := range lines {
		f.logLine(line)
	}
	f.replan()
}

func (c *cloud) logLine(l control.Line) {
	switch {
	case l.Scale:
		c.log.Info("scaling", "group", c.groupName(l.Stages), "offer", l.Offer, "from", l.From, "to", l.To, "why", l.Why)
	case l.Warn:
		c.log.Warn("scaling", "why", l.Why)
	default:
		c.log.Info("scaling", "why", l.Why)
	}
}
