package oracle

import (
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// RateOracle is policy.CostOptimal with what its forecast is about: the rate of all requests in
// each second of the run, such as traffic.Trace.Rates tells, and the fraction of them that gets to
// each stage; without reach it takes what was observed. Of how many requests really come at
// that rate it knows nothing. After the last second the rate stays as it was, so that the end of a run is no reason to end VMs.
func RateOracle(rates, reach []float64) *policy.CostOptimal {
	k := known{rates, reach}
	return &policy.CostOptimal{Label: "RateOracle", Foresight: k.foresight}
}

type known struct{ rates, reach []float64 }

// foresight spreads its points evenly over the boot, and over one step from its end on.
func (k known) foresight(now time.Duration, g policy.Group) (soon, later estimate.Rates) {
	reach := g.Reach
	if k.reach != nil {
		reach = k.reach[g.Stages.First]
	}
	if len(k.rates) == 0 {
		return soon, later
	}
	at := func(from, length time.Duration, i int) float64 {
		second := int((from + length*time.Duration(2*i+1)/time.Duration(2*len(soon))) / time.Second)
		return k.rates[min(second, len(k.rates)-1)] * reach
	}
	for i := range soon {
		soon[i], later[i] = at(now, g.Boot, i), at(now+g.Boot, Step, i)
	}
	return soon, later
}
