package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// Serflow holds each group's rate, mean plus deviation, against the rate at which a VM costs
// what functions would, the T-CIP.
//
// A group whose reach is below the S-CIP of the pipeline's rate goes to functions alone. Of
// the others the n-th VM would get min(mu_sat, d-(n-1)*mu_sat) of a demand of d = m + Weight*dev
// requests per second. It is launched if that is above T-CIP*(1 + boot/life) and kept while it
// is above T-CIP*(1 - boot/life), for the reasons that CostOptimal has. The same factors go
// with the S-CIP.
//
// SERFLOW (Zhang and Matta, arXiv 2510.27182) is known to us by its abstract and summaries: it
// scales by an EWMA and a moving standard deviation and names an S-CIP and a T-CIP. The rule
// above is our reading, and no equation of that paper. The zero value has the default of each
// setting.
type Serflow struct {
	Gains  estimate.Gains // default 0.01 for both, and the squared deviation
	Weight float64        // of the deviation; 0 means 1, and a negative one none
	Life   time.Duration  // that a VM is expected to be worth its price once it serves; default 5 min

	memory serflow
}

// serflow is what a Serflow remembers.
type serflow struct {
	All    *estimate.Moving         `json:"all"`
	Groups map[int]*estimate.Moving `json:"groups"` // by first stage
}

// Name is Serflow.
func (p *Serflow) Name() string { return "Serflow" }

// Decide takes the counts and orders for each group.
func (p *Serflow) Decide(_ time.Duration, o Observation) Decision {
	all := p.moving(-1)
	all.Observe(o.Arrivals)
	d := Decision{Groups: make([]Order, len(o.Groups))}
	for i, g := range o.Groups {
		m := p.moving(g.Stages.First)
		m.Observe(g.Counts)
		order, ok := g.settled(m.Ready())
		if !ok {
			order = p.order(g, m, all)
		}
		d.Groups[i] = order
	}
	return d
}

func (p *Serflow) order(g Group, m, all *estimate.Moving) Order {
	why := Reason{Rule: "T-CIP", Rate: m.Mean(), Deviation: m.Deviation()}
	change := g.switching(p.life())
	launch := p.worth(g, m, all, 1+change)
	keep := p.worth(g, m, all, 1-change)
	n := min(max(float64(g.have()), launch), keep)
	if keep == 0 && all.Ready() && g.Reach <= g.SCIP(p.demand(all))*(1-change) {
		why.Rule = "reach below the S-CIP: functions"
	}
	return g.within(n, why)
}

// worth is how many VMs pay if each must carry so many times the T-CIP.
func (p *Serflow) worth(g Group, m, all *estimate.Moving, times float64) float64 {
	if all.Ready() && g.Reach > 0 && g.Reach <= g.SCIP(p.demand(all))*times {
		return 0
	}
	return paying(p.demand(m), g.Saturation, g.TCIP()*times)
}

// paying is how many VMs get more than a rate of a demand, when each takes all it can.
func paying(demand, capacity, rate float64) float64 {
	if capacity <= rate {
		return 0
	}
	full := math.Floor(demand / capacity)
	if demand-full*capacity > rate {
		full++
	}
	return full
}

func (p *Serflow) demand(m *estimate.Moving) float64 {
	weight := max(p.Weight, 0)
	if p.Weight == 0 {
		weight = 1
	}
	return m.Mean() + weight*m.Deviation()
}

func (p *Serflow) life() time.Duration {
	if p.Life > 0 {
		return p.Life
	}
	return 5 * time.Minute
}

// moving is the estimator of a group, or of all arrivals at -1.
func (p *Serflow) moving(first int) *estimate.Moving {
	if p.memory.Groups == nil {
		p.memory.Groups = map[int]*estimate.Moving{}
	}
	if p.memory.All == nil {
		p.memory.All = &estimate.Moving{}
	}
	m := p.memory.All
	if first >= 0 {
		if m = p.memory.Groups[first]; m == nil {
			m = &estimate.Moving{}
			p.memory.Groups[first] = m
		}
	}
	if m.Gains = p.Gains; m.Gains == (estimate.Gains{}) {
		m.Gains = estimate.Gains{Mean: 0.01, Deviation: 0.01, Kind: estimate.Squared}
	}
	return m
}

// MarshalJSON is the memory.
func (p *Serflow) MarshalJSON() ([]byte, error) { return json.Marshal(p.memory) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps estimate.ErrState, and
// then nothing changes.
func (p *Serflow) UnmarshalJSON(data []byte) error {
	var m serflow
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %s: %w", estimate.ErrState, p.Name(), err)
	}
	p.memory = m
	return nil
}
