package simulate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

// Never is the time of what does not happen.
const Never = provisioner.Never

// ErrScenario marks a scenario that cannot be run.
var ErrScenario = errors.New("bad scenario")

// Scenario is what is simulated. The zero value of a field is its default; Stages,
// Plan, Times, Traffic and Depths have none.
type Scenario struct {
	Stages int // of the model
	Plan   provisioner.Plan
	// Times are how long the model's stages take on each offer of the plan, by its name.
	Times map[string]profile.Times
	// Traffic and Depths say when requests come and how far each would go. They are
	// called once a run, and draw only from what they are given.
	Traffic func(*rand.Rand) (traffic.Source, error)
	Depths  func(*rand.Rand) (depth.Source, error)

	// SLO is the time within which a request is to be answered; one that is not ends
	// without an answer. Default: there is none.
	SLO   time.Duration
	Rules balancer.Rules // its Stages are the scenario's
	// Together has workers leave batches as they are from stage to stage, but for what exits, and not refill them: for comparisons.
	Together bool
	Network  provisioner.Network
	// World is how the clouds behave; default one in which VMs are ready at once and
	// functions are always warm.
	World    func(*rand.Rand) (World, error)
	Limits   provisioner.Limits // default: the plan's VMs, or with a Loop any number, at any price
	Patience provisioner.Patience
	// Loop makes the control loop, once a run, over the plan's groups and the offers that they
	// may fall back to, whose Times are to be given too. Default: the VMs stay those of the plan.
	Loop func() (*control.Loop, error)
	// Replan is asked for another plan, and its groups for the Loop, when the Loop says that traffic has left the band of
	// this one (control.Loop.Drift): once in ten minutes at most. Requests then move over as those of a service do, and
	// ok is false if the plan stays. Times has to have all its offers. Default: the plan stays.
	Replan func(now time.Duration, d control.Drift) (next provisioner.Plan, groups []control.Group, ok bool)
	// Running says that the plan's VMs are there and ready when the run begins. They
	// are billed from then on, and come to their ends as if launched then.
	Running bool
	// Until is how long the run lasts at least, and so what is billed at least. By default
	// a run ends with its last request, and what VMs cost after that is not in the bill:
	// give a trace's length, as traffic.Trace.Measure tells it.
	Until time.Duration
	Seed  uint64 // the same seed gives the same result, byte by byte
	// Settle is how long the run goes on before anything is counted but its requests' course: a service that is not new, whose
	// functions are warm and whose policy has seen some traffic. Requests that come later, and what is paid from then on, are
	// the result; Observe hears of no others. Default: all counts. It is part of Until.
	Settle time.Duration
	// Detail is how long the intervals are for which the result has what happened in each, for charts; with it
	// the result has the distribution of latencies too. Default: neither. Samples end at Until.
	Detail time.Duration

	// Observe is called for every request that ends, if it is set.
	Observe func(Outcome)
	// Said is called with every line of the Loop, if it is set.
	Said func(now time.Duration, line control.Line)
	// Progress is called now and then with the time that the run has reached.
	Progress func(now time.Duration)
}

// Outcome is what became of one request.
type Outcome struct {
	Arrived, Ended time.Duration
	Waited         time.Duration // in VMs' queues
	Worked         time.Duration // in service, of batches whole
	Exit           int           // the stage whose exit answered; -1 with Err
	Err            error         // of package balancer
}

// validate reports what is missing or cannot be. Its error wraps ErrScenario.
func (s *Scenario) validate() error {
	if s.Stages < 1 || s.Stages > math.MaxUint16-1 {
		return fmt.Errorf("%w: %d stages: give the number of the model's", ErrScenario, s.Stages)
	}
	if err := s.Plan.Validate(s.Stages); err != nil {
		return fmt.Errorf("%w: %w", ErrScenario, err)
	}
	if s.Traffic == nil || s.Depths == nil {
		return fmt.Errorf("%w: give it Traffic and Depths", ErrScenario)
	}
	if s.SLO < 0 || s.Until < 0 || s.Until > century || s.Detail < 0 || s.Settle < 0 || s.Settle > s.Until {
		return fmt.Errorf("%w: SLO %v, until %v, settle %v, detail %v: give nothing negative, no run of more than a century, and no time to settle beyond its end", ErrScenario, s.SLO, s.Until, s.Settle, s.Detail)
	}
	if err := s.Network.Validate(s.Stages); err != nil {
		return fmt.Errorf("%w: %w", ErrScenario, err)
	}
	return s.validateTimes()
}

// validateTimes checks that each place's times are known, and that the SLO is not out
// of reach for every request: then nothing that is simulated would mean anything.
func (s *Scenario) validateTimes() error {
	first := Never
	check := func(r stage.Range, offer string) error {
		t := s.Times[offer]
		if t == nil || t.Stages() != s.Stages {
			return fmt.Errorf("%w: Times has no times of %d stages for offer %q", ErrScenario, s.Stages, offer)
		}
		if r.First == 0 {
			first = min(first, t.Mean(0, 1))
		}
		return nil
	}
	for _, g := range s.Plan.VMs {
		if err := check(g.Stages, g.Offer.Name); err != nil {
			return err
		}
	}
	for _, g := range s.Plan.Functions {
		if err := check(g.Stages, g.Offer.Name); err != nil {
			return err
		}
	}
	if s.SLO > 0 && s.SLO < first {
		return fmt.Errorf("%w: SLO %v: the first stage alone takes %v, so hardly a request could meet it", ErrScenario, s.SLO, first)
	}
	return nil
}
