package planner

import (
	"errors"
	"fmt"
	"math"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// validate reports what is missing or cannot be. Its error wraps ErrAsk.
func (a *Ask) validate() error {
	stages := a.stages()
	names := map[string]bool{}
	for _, v := range a.VMs {
		if err := errors.Join(checkOffer(names, v.Offer.Name, v.Times, stages, v.Offer.Validate()), v.validate()); err != nil {
			return err
		}
	}
	for _, f := range a.Functions {
		if err := errors.Join(checkOffer(names, f.Offer.Name, f.Times, stages, f.Offer.Validate()), f.validate()); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: no offers: give a VM or a function", ErrAsk)
	}
	if q := a.SLO.Quantile; a.SLO.Latency <= 0 || !(q >= 0 && q < 1) {
		return fmt.Errorf("%w: SLO %+v: give a latency, and a quantile from 0 to below 1", ErrAsk, a.SLO)
	}
	if err := a.Network.Validate(stages); err != nil {
		return fmt.Errorf("%w: %w", ErrAsk, err)
	}
	return errors.Join(a.Traffic.validate(), a.Memory.validate(stages), checkReach(a.Reach, stages))
}

func (a *Ask) stages() int {
	switch {
	case len(a.VMs) > 0 && a.VMs[0].Times != nil:
		return a.VMs[0].Times.Stages()
	case len(a.Functions) > 0 && a.Functions[0].Times != nil:
		return a.Functions[0].Times.Stages()
	}
	return 0
}

func checkOffer(names map[string]bool, name string, t profile.Times, stages int, offer error) error {
	switch {
	case offer != nil:
		return fmt.Errorf("%w: %w", ErrAsk, offer)
	case names[name]:
		return fmt.Errorf("%w: two offers are called %q: give each its own name", ErrAsk, name)
	case t == nil || t.Stages() != stages:
		return fmt.Errorf("%w: offer %q has no times of %d stages: measure them, as for the first offer", ErrAsk, name, stages)
	}
	names[name] = true
	return nil
}

func (v VM) validate() error {
	switch {
	case v.Boot < 0 || v.Slots < 0 || v.MaxBatch < 0 || v.Committed < 0 || !finite(v.CommittedPerHour) || !finite(v.Offer.VCPUs) || !finite(v.Offer.MemoryGB):
		return fmt.Errorf("%w: VM type %q: give nothing negative", ErrAsk, v.Offer.Name)
	case v.Offer.Market == provisioner.Committed && v.Committed == 0:
		return fmt.Errorf("%w: VM type %q is committed: say how many there are", ErrAsk, v.Offer.Name)
	}
	return nil
}

func (f Function) validate() error {
	if f.Overhead < 0 || f.Cold < 0 || !(f.ColdShare >= 0 && f.ColdShare <= 1) {
		return fmt.Errorf("%w: function %q: give nothing negative, and a share of cold starts up to 1", ErrAsk, f.Offer.Name)
	}
	return nil
}

func (m Memory) validate(stages int) error {
	bad := !finite(m.BaseMB) || m.StageMB != nil && len(m.StageMB) != stages
	for _, mb := range m.StageMB {
		bad = bad || !finite(mb)
	}
	if bad {
		return fmt.Errorf("%w: memory %+v: give a number for each of %d stages, and nothing negative", ErrAsk, m, stages)
	}
	return nil
}

func checkReach(reach []float64, stages int) error {
	bad := reach != nil && (len(reach) != stages || reach[0] != 1)
	for s := 1; s < len(reach) && !bad; s++ {
		bad = !(reach[s] >= 0 && reach[s] <= reach[s-1])
	}
	if bad {
		return fmt.Errorf("%w: reach %v: give one for each of %d stages, the first 1, none above the one before", ErrAsk, reach, stages)
	}
	return nil
}

// finite tells whether a number is one, from 0.
func finite(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
