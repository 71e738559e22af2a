package provisioner

import (
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// ErrPlan marks a plan that cannot serve its model.
var ErrPlan = errors.New("bad plan")

// Plan is what is rented for which stages. VM groups and function groups are chosen
// independently of each other: a stage may be in one of each.
type Plan struct {
	Generation uint64
	VMs        []VMGroup
	Functions  []FunctionGroup
	// Reach is the fraction of all requests that is expected to get as far as each
	// stage. Without it every request is expected to go all the way.
	Reach []float64
}

// VMGroup is contiguous stages that VMs of one offer serve.
type VMGroup struct {
	Stages   stage.Range
	Offer    VMOffer
	VMs      int
	Slots    int           // batches that one VM serves at once; 0 means one for each vCPU
	MaxBatch int           // rows in a batch, where its Times say that batches pay; 0 means 1
	Window   time.Duration // longest that a row waits for company while a slot is free, if it pays; 0 means the time of a full batch
	Limit    int           // rows at one VM, waiting and in service; 0 means no limit
}

// SlotsOf is how many batches one VM of the group serves at once.
func (g VMGroup) SlotsOf() int {
	if g.Slots > 0 {
		return g.Slots
	}
	return max(int(g.Offer.VCPUs), 1)
}

// FunctionGroup is contiguous stages that one cloud function serves.
type FunctionGroup struct {
	Stages stage.Range
	Offer  FunctionOffer
	Cold   time.Duration // what an instance takes to initialise; a call may take that much longer before it counts as lost
	Warm   int           // instances to begin with; later it is as many as bursts have shown to be needed
}

// Validate checks that each stage of a model is in one VM group or one function group
// or one of each. Its error wraps ErrPlan, or ErrOffer.
func (p Plan) Validate(stages int) error {
	if stages < 1 {
		return fmt.Errorf("%w: for a model of %d stages", ErrPlan, stages)
	}
	vms, functions := make([]bool, stages), make([]bool, stages)
	for _, g := range p.VMs {
		if g.VMs < 0 || g.Slots < 0 || g.MaxBatch < 0 || g.Window < 0 || g.Limit < 0 {
			return fmt.Errorf("%w: VM group of %v: give nothing negative: %+v", ErrPlan, g.Stages, g)
		}
		if err := occupy(vms, g.Stages, "VM group", g.Offer.Validate()); err != nil {
			return err
		}
	}
	for _, g := range p.Functions {
		if g.Cold < 0 || g.Warm < 0 {
			return fmt.Errorf("%w: function group of %v: a cold start of %v, and %d instances to begin with: give nothing negative", ErrPlan, g.Stages, g.Cold, g.Warm)
		}
		if err := occupy(functions, g.Stages, "function group", g.Offer.Validate()); err != nil {
			return err
		}
	}
	for s := range stages {
		if !vms[s] && !functions[s] {
			return fmt.Errorf("%w: nothing serves stage %d of %d: put it in a VM group or a function group", ErrPlan, s+1, stages)
		}
	}
	return p.validateReach(stages)
}

// occupy marks the stages of a group of one kind.
func occupy(taken []bool, r stage.Range, kind string, offer error) error {
	if r.First < 0 || r.Len() < 1 || r.Last >= len(taken) {
		return fmt.Errorf("%w: %s of %v (%d to %d) in a model of %d", ErrPlan, kind, r, r.First, r.Last, len(taken))
	}
	if offer != nil {
		return fmt.Errorf("%w: %s of %v: %w", ErrPlan, kind, r, offer)
	}
	for s := r.First; s <= r.Last; s++ {
		if taken[s] {
			return fmt.Errorf("%w: stage %d is in two %ss: groups of one kind must not overlap", ErrPlan, s+1, kind)
		}
		taken[s] = true
	}
	return nil
}

func (p Plan) validateReach(stages int) error {
	if p.Reach == nil {
		return nil
	}
	if len(p.Reach) != stages || p.Reach[0] != 1 {
		return fmt.Errorf("%w: reach %v for %d stages: give one for each, the first 1", ErrPlan, p.Reach, stages)
	}
	for s := 1; s < stages; s++ {
		if !(p.Reach[s] >= 0 && p.Reach[s] <= p.Reach[s-1]) {
			return fmt.Errorf("%w: reach %v: it falls from stage to stage, and not below 0", ErrPlan, p.Reach)
		}
	}
	return nil
}

// GoOn is the fraction of the requests at a stage that is expected to reach a later
// one, by Reach.
func (p Plan) GoOn(from, to int) float64 {
	switch {
	case p.Reach == nil:
		return 1
	case p.Reach[from] == 0:
		return 0
	}
	return p.Reach[to] / p.Reach[from]
}

// Offers are the names of the offers of the plan's groups.
func (p Plan) Offers() (names []string) {
	for _, g := range p.VMs {
		names = append(names, g.Offer.Name)
	}
	for _, g := range p.Functions {
		names = append(names, g.Offer.Name)
	}
	return names
}
