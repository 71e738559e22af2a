package policy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// CostOptimal wants, for each VM group, the number n of VMs at which the expected cost
//
//	C(n) = n*P_v + E[ c_f * lambda * (1 - carried(n, lambda)) ]
//
// in dollars per second is least, the mean being over a distribution of the rate lambda from
// estimate.Forecast. Overflow is convex in the rate, so it costs more in the mean than at the mean.
//
// A change has its price: with h VMs there or booting, C(n) + |n-h|*P_v*boot/life is what is
// least. So a VM is launched if it saves more than P_v*(1 + boot/life), since its boot is paid
// for too, and kept while it saves more than P_v*(1 - boot/life), since it would have to boot
// again. Where each VM carries less than the one before, that is the smallest n whose next VM
// would not pay; elsewhere it is still the n of least cost, the smallest of equals.
//
// That price also keeps the number still while traffic is: package control states a bound.
//
// What VMs carry is looked up at a higher rate where functions are called more often than that table says: how
// much higher is learnt from the calls, for each group (Group.Called).
//
// The rates are those of when a VM that is ordered now will serve. Of VMs that are there already,
// those stay too that pay before that time: until it is over, nothing could take their place.
//
// A group without functions gets the fewest VMs that carry Enough of its requests, and keeps
// those without which it would lose more than half as much. Where however many VMs
// would lose nearly as much or more, it gets the fewest that lose half as much beyond that.
//
// The rule is Serflow's own, from "Economics" of its design. The zero value has the default of
// each setting.
type CostOptimal struct {
	Label  string        // another name for it
	Life   time.Duration // that a VM is expected to be worth its price once it serves; default 10 min
	Enough float64       // share of requests that VMs carry where there are no functions; default 0.999
	// Foresight takes the place of the forecast, for simulations, which know what comes: the rates
	// until a VM that is ordered now would serve, and those when it does.
	Foresight func(now time.Duration, g Group) (soon, later estimate.Rates)

	groups map[int]*memory // by first stage, which decides the rate that comes
}

// memory is what is remembered of a group.
type memory struct {
	Forecast estimate.Forecast `json:"forecast"`
	Load     load              `json:"load"`
}

// UniformHybrid is the strong baseline: CostOptimal with the same forecast and thresholds,
// held to one VM group and one function group over the whole model. Holding it to that is a
// matter of the plan: give it the observation of a uniform one.
func UniformHybrid() *CostOptimal { return &CostOptimal{Label: "UniformHybrid"} }

// Name is CostOptimal, or the Label.
func (p *CostOptimal) Name() string {
	if p.Label != "" {
		return p.Label
	}
	return "CostOptimal"
}

// Decide takes the counts and orders for each group.
func (p *CostOptimal) Decide(now time.Duration, o Observation) Decision {
	d := Decision{Groups: make([]Order, len(o.Groups))}
	for i, g := range o.Groups {
		m := p.memory(g.Stages.First)
		m.Forecast.Observe(g.Counts, g.Boot)
		order, ok := g.settled(m.Forecast.Ready() || p.Foresight != nil)
		if !ok {
			soon, later := m.Forecast.Soon(), m.Forecast.Later()
			if p.Foresight != nil {
				soon, later = p.Foresight(now, g)
			}
			m.Load.observe(g, soon)
			g.Carried = loaded{g.carried(), m.Load.by()}
			order = p.order(g, soon, later)
		}
		d.Groups[i] = order
	}
	return d
}

func (p *CostOptimal) order(g Group, near, far estimate.Rates) Order {
	change := g.switching(p.life())
	soon, later := newCost(g, near, change), newCost(g, far, change)
	best := (*cost).cheapest
	why := Reason{Rule: "least cost", Rate: far.Mean(), Deviation: far.Deviation()}
	if g.PerRequest == 0 {
		why.Rule = "no functions: enough VMs"
		best = func(c *cost) int { return c.enough(p.enough()) }
	}
	n := best(&later)
	if n < g.have() { // those are there now
		n = max(n, min(best(&soon), g.have()))
	}
	why.Saves, why.Next = later.saves(n)*3600, later.saves(n+1)*3600
	return g.within(float64(n), why)
}

func (p *CostOptimal) life() time.Duration {
	if p.Life > 0 {
		return p.Life
	}
	return 10 * time.Minute
}

func (p *CostOptimal) enough() float64 {
	if p.Enough > 0 && p.Enough < 1 {
		return p.Enough
	}
	return 0.999
}

func (p *CostOptimal) memory(first int) *memory {
	if p.groups == nil {
		p.groups = map[int]*memory{}
	}
	if p.groups[first] == nil {
		p.groups[first] = &memory{}
	}
	return p.groups[first]
}

// MarshalJSON is the memory.
func (p *CostOptimal) MarshalJSON() ([]byte, error) { return json.Marshal(p.groups) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps estimate.ErrState, and
// then nothing changes.
func (p *CostOptimal) UnmarshalJSON(data []byte) error {
	var groups map[int]*memory
	if err := json.Unmarshal(data, &groups); err != nil {
		return fmt.Errorf("%w: %s: %w", estimate.ErrState, p.Name(), err)
	}
	for first, m := range groups {
		if m != nil && !m.Load.possible() {
			return fmt.Errorf("%w: %s: load %+v of the group of stage %d: start without this memory", estimate.ErrState, p.Name(), m.Load, first)
		}
	}
	p.groups = groups
	return nil
}
