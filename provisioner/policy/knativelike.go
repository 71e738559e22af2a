package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// The constants of Knative's autoscaler, as shipped.
const (
	stableWindow = 60  // seconds
	panicWindow  = 6   // seconds
	panicTimes   = 2   // what is wanted over what is ready, from which on it panics
	target       = 0.7 // utilisation
	growth       = 1000
	decay        = 2 // at most so many times fewer at once
)

// KnativeLike is a baseline with VMs only: the rule of Knative's pod autoscaler
// (github.com/knative/serving, pkg/autoscaler/scaling, autoscaler.go) on requests per second,
// with its default constants. What is wanted is the mean rate of a window over 0.7 of what a
// VM can serve, rounded up, at most 1000 times what is ready and at least half of it. If the
// panic window of 6 s wants twice what is ready, it panics: it orders the more that either
// window wants and gives nothing back until the stable window of 60 s has passed without that. It
// begins in panic where there is more than one VM, as Knative does after a restart. It knows
// nothing of how long a VM boots.
//
// Unlike Knative, which holds requests back while a first pod starts, it never has less than
// one VM. VMs only is a matter of the plan: where that has functions, they get the overflow.
type KnativeLike struct{ groups map[int]*knative }

// knative is what a KnativeLike remembers of a group.
type knative struct {
	Window  estimate.Window `json:"window"`
	Panics  bool            `json:"panics"`
	Since   time.Duration   `json:"since"` // when it last had reason to
	Most    float64         `json:"most"`  // VMs that it has wanted meanwhile
	Started bool            `json:"started"`
}

// Name is KnativeLike.
func (p *KnativeLike) Name() string { return "KnativeLike" }

// Decide takes the counts and orders for each group.
func (p *KnativeLike) Decide(now time.Duration, o Observation) Decision {
	d := Decision{Groups: make([]Order, len(o.Groups))}
	for i, g := range o.Groups {
		m := p.group(g.Stages.First)
		m.Window.Observe(g.Counts)
		second := int64(now / time.Second)
		stable, known := m.Window.Mean(second, stableWindow)
		order, ok := g.settled(known)
		if !ok {
			fast, known := m.Window.Mean(second, panicWindow)
			if !known {
				fast = stable
			}
			order = g.within(m.want(now, g, stable, fast), Reason{Rule: m.rule(), Rate: stable})
		}
		d.Groups[i] = order
	}
	return d
}

func (m *knative) want(now time.Duration, g Group, stable, fast float64) float64 {
	if !m.Started {
		m.Started, m.Panics, m.Since, m.Most = true, g.Ready > 1, now, float64(g.Ready)
	}
	ready := float64(max(g.Ready, 1))
	wanted := func(rate float64) float64 {
		return min(max(math.Ceil(rate/(target*g.Saturation)), math.Floor(ready/decay)), growth*ready)
	}
	switch since := now - m.Since; {
	case math.Ceil(fast/(target*g.Saturation)) >= panicTimes*ready:
		m.Panics, m.Since = true, now
	case m.Panics && (since > stableWindow*time.Second || since < 0):
		m.Panics, m.Most = false, 0
	}
	vms := wanted(stable)
	if m.Panics {
		m.Most = max(m.Most, vms, wanted(fast))
		vms = m.Most
	}
	return max(vms, 1)
}

func (m *knative) rule() string {
	if m.Panics {
		return "panic window"
	}
	return "stable window"
}

func (p *KnativeLike) group(first int) *knative {
	if p.groups == nil {
		p.groups = map[int]*knative{}
	}
	if p.groups[first] == nil {
		p.groups[first] = &knative{}
	}
	return p.groups[first]
}

// MarshalJSON is the memory.
func (p *KnativeLike) MarshalJSON() ([]byte, error) { return json.Marshal(p.groups) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps estimate.ErrState, and
// then nothing changes.
func (p *KnativeLike) UnmarshalJSON(data []byte) error {
	var groups map[int]*knative
	if err := json.Unmarshal(data, &groups); err != nil {
		return fmt.Errorf("%w: %s: %w", estimate.ErrState, p.Name(), err)
	}
	p.groups = groups
	return nil
}
