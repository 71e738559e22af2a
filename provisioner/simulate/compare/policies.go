package compare

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// maker makes the policy of an entrant for each run.
func (p *plans) maker(e *entrant) (func(seed int) policy.Policy, error) {
	switch e.name {
	case Serflow:
		return func(int) policy.Policy { return &policy.Serflow{} }, nil
	case UniformHybrid:
		return func(int) policy.Policy { return policy.UniformHybrid() }, nil
	case PerStage, CostOptimal, NoStages, NoBatching, NoRefill, NoHedging, NoWarmth:
		return func(int) policy.Policy { return &policy.CostOptimal{} }, nil
	case NoDeviation:
		return func(int) policy.Policy { return &meanOnly{forecasts: map[int]*estimate.Forecast{}} }, nil
	case LibraUniform:
		return func(int) policy.Policy { return &policy.Libra{} }, nil
	case LibraMeasured:
		return func(int) policy.Policy { return &policy.Libra{Capacity: policy.Measured} }, nil
	case LibraTuned:
		tuned, err := p.tune(e)
		return func(int) policy.Policy { l := *tuned; return &l }, err
	case KnativeLike, FullKnativeLike:
		return func(int) policy.Policy { return &policy.KnativeLike{} }, nil
	case RateOracle:
		return func(int) policy.Policy { return oracle.RateOracle(p.Rates, p.reach()) }, nil
	}
	minimum := time.Duration(0)
	for _, g := range e.plan.VMs {
		minimum = max(minimum, g.Offer.Minimum)
	}
	return func(seed int) policy.Policy { return &oracle.OfflineOptimal{Draw: p.draws[seed], Minimum: minimum} }, nil
}

// training is how much of the run, drawn anew, LibraTuned is tuned on.
const training = 24 * 3600

// tune searches Libra's settings on another draw of the same rates, which favours it.
func (p *plans) tune(e *entrant) (*policy.Libra, error) {
	rates := p.Rates[:min(len(p.Rates), training)]
	s, err := traffic.Seconds(rates, rand.New(rand.NewPCG(p.Seed, 1<<32)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	counts := make([]int, len(rates))
	for {
		at, err := s.Next()
		if err != nil { // io.EOF
			break
		}
		counts[at/time.Second]++
	}
	group := policy.Group{Max: p.most().VMs, Economics: control.Planned(e.kinds)[0].Offers[0].Economics}
	return policy.LibraTuned(policy.Measured, policy.Grid{}, func(l policy.Policy) float64 {
		return policy.Replay(l, group, counts).Dollars()
	}), nil
}
