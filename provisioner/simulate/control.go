package simulate

import (
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner/control"
)

// Scaling is what the control loop did.
type Scaling struct {
	Policy  string `json:"policy"`
	Changes int    `json:"changes"` // decisions that changed how many VMs were wanted
	Up      int    `json:"up"`      // VMs more, of all these
	Down    int    `json:"down"`    // VMs fewer
}

// controlled is the control loop of a run.
type controlled struct {
	*control.Loop
	tally   *control.Tally
	calls   *control.Tally
	scaling Scaling
}

// startControl makes the loop, if there is one.
func (r *run) startControl() error {
	if r.Loop == nil {
		return nil
	}
	l, err := r.Loop()
	if err != nil {
		return err
	}
	if l == nil {
		return fmt.Errorf("%w: its Loop returned nothing and no error", ErrScenario)
	}
	if err := r.checkKinds(l); err != nil {
		return err
	}
	r.control = &controlled{Loop: l, tally: control.NewTally(r.Stages, 0), calls: control.NewTally(r.Stages, 0), scaling: Scaling{Policy: l.Policy()}}
	return nil
}

// checkKinds reports VMs that a loop may want and that the scenario does not know.
func (r *run) checkKinds(l *control.Loop) error {
	for _, g := range l.Kinds() {
		if t := r.Times[g.Offer.Name]; t == nil || t.Stages() != r.Stages || g.Stages.First < 0 || g.Stages.Len() < 1 || g.Stages.Last >= r.Stages {
			return fmt.Errorf("%w: its Loop wants VMs of %q for %v, of a model of %d stages: give their Times", ErrScenario, g.Offer.Name, g.Stages, r.Stages)
		}
	}
	return nil
}

// wakeControl is when the loop is due.
func (r *run) wakeControl() time.Duration {
	if r.control == nil || !r.fleet.Listed() {
		return Never
	}
	return max(r.control.Next(), r.now)
}

// decide has the loop tell the fleet what is wanted, if it is due.
func (r *run) decide() {
	c := r.control
	if c == nil || !c.Due(r.now, r.fleet) {
		return
	}
	for _, line := range c.Tick(r.now, r.fleet, control.Seen{Wall: r.now, Counts: c.tally.Take(int64(r.now / time.Second)), Calls: c.calls.Take(int64(r.now / time.Second))}) {
		if line.Scale && line.From != line.To {
			c.scaling.Changes++
			c.scaling.Up += max(line.To-line.From, 0)
			c.scaling.Down += max(line.From-line.To, 0)
		}
		if r.Said != nil {
			r.Said(r.now, line)
		}
	}
	r.replan()
}

// see counts a request that has got to a stage.
func (c *controlled) see(now time.Duration, stage int) {
	if c != nil {
		c.tally.See(int64(now/time.Second), stage)
	}
}

// call counts a call of a function.
func (c *controlled) call(now time.Duration, s *balancer.Step) {
	if c != nil && !s.Hedge && s.Place.Kind() == balancer.Function {
		c.calls.See(int64(now/time.Second), s.Stage)
	}
}

// rationed tells whether a request that comes now is not for VMs, whose ration for this second
// has been used up.
func (c *controlled) rationed(now time.Duration) bool {
	if c == nil {
		return false
	}
	ration := c.Ration(0)
	if math.IsInf(ration, 1) {
		return false
	}
	return c.tally.Rationed(int64(now/time.Second), ration)
}
