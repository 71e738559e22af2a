package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// Capacity is a reading of how many requests per second a VM serves.
type Capacity uint8

// The readings of capacity.
const (
	Uniform  Capacity = iota // each request takes the full pass: FullPass
	Measured                 // requests take what they do in the mean: Saturation
)

// Libra is a baseline: LIBRA (Raza, Zhang, Akhtar, Isahagian and Matta, "LIBRA: An Economical
// Hybrid Approach for Cloud Applications with Strict SLAs", IC2E 2021, arXiv 2104.05491). Rule
// and constants are those of its authors' public simulator (github.com/aliraza0337/LIBRA,
// manager.py and configuration.py), for one uniform group, or for each group by itself.
//
// Each second dev += u*(abs(x-m) - dev), then m += a*(x-m), with a = u = Gain; the first second
// is the mean. At first and every Period, share = floor(m + Weight*dev) and
// VMs = ceil(share/capacity). The first floor(Ration*share) requests of each second go to VMs,
// the rest to functions. If that takes more VMs than the share that is in force, it comes into
// force when they are ready, otherwise at once.
//
// The simulator's capacity is a VM's memory over a request's, over its duration, the same for
// every request. Here it is one of two readings. The zero value has the simulator's constants.
type Libra struct {
	Capacity Capacity
	Period   time.Duration // default 300 s
	Ration   float64       // of the share, for VMs; default 0.8
	Gain     float64       // default 0.2
	Weight   float64       // of the deviation; 0 means 1, and a negative one none
	Label    string        // another name for it

	groups map[int]*libra
}

// libra is what a Libra remembers of a group.
type libra struct {
	Moving  estimate.Moving `json:"moving"`
	Due     time.Duration   `json:"due"` // the next decision
	Share   float64         `json:"share"`
	VMs     float64         `json:"vms"`
	InForce float64         `json:"inForce"` // VMs of the share that is
	Ration  float64         `json:"ration"`  // in force
}

// Name says which reading it is, if it has no Label.
func (p *Libra) Name() string {
	switch {
	case p.Label != "":
		return p.Label
	case p.Capacity == Measured:
		return "Libra (measured)"
	}
	return "Libra (uniform)"
}

// Decide takes the counts and orders for each group.
func (p *Libra) Decide(now time.Duration, o Observation) Decision {
	d := Decision{Groups: make([]Order, len(o.Groups))}
	for i, g := range o.Groups {
		m := p.group(g.Stages.First)
		m.Moving.Observe(g.Counts)
		order, ok := g.settled(m.Moving.Ready())
		if !ok {
			order = p.order(now, g, m)
		}
		d.Groups[i] = order
	}
	return d
}

func (p *Libra) order(now time.Duration, g Group, m *libra) Order {
	if now >= m.Due || m.Due-now > p.period() { // a clock that was set back waits no hour
		m.Due = now + p.period()
		m.Share = math.Floor(m.Moving.Mean() + p.weight()*m.Moving.Deviation())
		m.VMs = g.within(math.Ceil(m.Share/p.capacity(g)), Reason{}).VMs
	}
	if m.VMs <= max(m.InForce, float64(g.Ready)) {
		m.InForce, m.Ration = m.VMs, math.Floor(or(p.Ration, 0.8)*m.Share)
	}
	o := g.within(m.VMs, Reason{Rule: "share of " + p.Name(), Rate: m.Moving.Mean(), Deviation: m.Moving.Deviation()})
	o.Rationed, o.Ration = true, m.Ration
	return o
}

func (p *Libra) capacity(g Group) float64 {
	if p.Capacity == Uniform && g.FullPass > 0 {
		return g.FullPass
	}
	return g.Saturation
}

func (p *Libra) period() time.Duration {
	if p.Period > 0 {
		return p.Period
	}
	return 300 * time.Second
}

func (p *Libra) weight() float64 {
	if p.Weight == 0 {
		return 1
	}
	return max(p.Weight, 0)
}

// or is a setting between 0 and 1, or its default.
func or(x, byDefault float64) float64 {
	if x > 0 && x <= 1 {
		return x
	}
	return byDefault
}

func (p *Libra) group(first int) *libra {
	if p.groups == nil {
		p.groups = map[int]*libra{}
	}
	if p.groups[first] == nil {
		p.groups[first] = &libra{}
	}
	m := p.groups[first]
	m.Moving.Gains = estimate.Gains{Mean: p.Gain, Deviation: p.Gain}
	return m
}

// MarshalJSON is the memory.
func (p *Libra) MarshalJSON() ([]byte, error) { return json.Marshal(p.groups) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps estimate.ErrState, and
// then nothing changes.
func (p *Libra) UnmarshalJSON(data []byte) error {
	var groups map[int]*libra
	if err := json.Unmarshal(data, &groups); err != nil {
		return fmt.Errorf("%w: %s: %w", estimate.ErrState, p.Name(), err)
	}
	for _, m := range groups {
		if m != nil && !(m.Share >= 0 && m.VMs >= 0 && m.InForce >= 0 && m.Ration >= 0) {
			return fmt.Errorf("%w: %s: a group with %+v: start without this memory", estimate.ErrState, p.Name(), *m)
		}
	}
	p.groups = groups
	return nil
}
