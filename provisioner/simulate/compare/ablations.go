package compare

import (
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// CostOptimal without one thing each, to see what that is worth. UniformHybrid is CostOptimal without the search for groups.
const (
	NoStages    = "CostOptimal, no stage awareness" // plans and scales as if all requests went all the way
	NoDeviation = "CostOptimal, no deviation"       // goes by the mean of its forecast
	NoBatching  = "CostOptimal, no batching"        // VMs serve single rows
	NoRefill    = "CostOptimal, no refill"          // batches go on without company, smaller after each exit
	NoHedging   = "CostOptimal, no hedging"         // none is sent twice
	NoWarmth    = "CostOptimal, no warm instances"  // functions are not called to keep instances for bursts
)

// Ablations are all names of these. They are compared if they are asked for.
func Ablations() []string {
	return []string{NoStages, NoDeviation, NoBatching, NoRefill, NoHedging, NoWarmth}
}

// ablate changes what the planner is asked.
func ablate(name string, ask *planner.Ask) {
	switch name {
	case NoStages:
		ask.Reach = nil
	case NoBatching:
		vms := make([]planner.VM, len(ask.VMs))
		for i, v := range ask.VMs {
			vms[i], vms[i].MaxBatch = v, 1
		}
		ask.VMs = vms
	}
}

// ablateRun changes how requests are treated.
func ablateRun(name string, s *simulate.Scenario) {
	switch name {
	case NoRefill:
		s.Together = true
	case NoHedging:
		s.Rules.Without |= balancer.Hedging
	case NoWarmth:
		s.Rules.Without |= balancer.Warmth
	}
}

// meanOnly is CostOptimal for which a forecast is a single rate.
type meanOnly struct {
	policy.CostOptimal
	forecasts map[int]*estimate.Forecast // by first stage
}

func (p *meanOnly) Decide(now time.Duration, o policy.Observation) policy.Decision {
	p.Foresight = p.means
	for _, g := range o.Groups {
		f := p.forecasts[g.Stages.First]
		if f == nil {
			f = &estimate.Forecast{}
			p.forecasts[g.Stages.First] = f
		}
		if f.Observe(g.Counts, g.Boot); !f.Ready() {
			p.Foresight = nil // then it holds what there is
		}
	}
	return p.CostOptimal.Decide(now, o)
}

func (p *meanOnly) means(_ time.Duration, g policy.Group) (soon, later estimate.Rates) {
	f := p.forecasts[g.Stages.First]
	near, far := f.Soon().Mean(), f.Later().Mean()
	for i := range soon {
		soon[i], later[i] = near, far
	}
	return soon, later
}
