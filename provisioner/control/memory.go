package control

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

// ErrState marks memory that cannot be taken up again.
var ErrState = errors.New("bad state of a control loop")

// version is that of memory. It changes when older memory can no longer be read.
const version = 1

// memory is what a loop remembers, as JSON.
type memory struct {
	Version int             `json:"version"`
	Policy  string          `json:"policy"`
	Memory  json.RawMessage `json:"memory,omitempty"` // the policy's
	Groups  []scale         `json:"groups"`
}

// scale is what was wanted of a group.
type scale struct {
	First int    `json:"first"` // stage, from 0
	Last  int    `json:"last"`
	Offer string `json:"offer"`
	VMs   int    `json:"vms"`
}

// MarshalJSON is the loop's memory: the policy's, and what is wanted of each group.
func (l *Loop) MarshalJSON() ([]byte, error) {
	m := memory{Version: version, Policy: l.Policy()}
	if p, ok := l.config.Policy.(policy.Rememberer); ok {
		data, err := p.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", l.Policy(), err)
		}
		m.Memory = data
	}
	for _, g := range l.groups {
		o := g.Offers[0]
		m.Groups = append(m.Groups, scale{o.Stages.First, o.Stages.Last, o.Offer.Name, g.want})
	}
	return json.Marshal(m)
}

// UnmarshalJSON takes up what MarshalJSON has written, so that a new program keeps the scale of
// the one before it. Groups that the loop has not are passed over, and so is the memory of
// another policy. Call it before the first Tick. Its error wraps ErrState, and then the loop
// begins as the plan says.
func (l *Loop) UnmarshalJSON(data []byte) error {
	var m memory
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if m.Version != version {
		return fmt.Errorf("%w: it is of version %d, and this program reads %d: start without it", ErrState, m.Version, version)
	}
	for _, s := range m.Groups {
		if s.VMs < 0 {
			return fmt.Errorf("%w: %d VMs were wanted: start without it", ErrState, s.VMs)
		}
	}
	if p, ok := l.config.Policy.(policy.Rememberer); ok && m.Policy == l.Policy() && len(m.Memory) > 0 {
		if err := p.UnmarshalJSON(m.Memory); err != nil {
			return fmt.Errorf("%w: policy %s: %w", ErrState, l.Policy(), err)
		}
	}
	for _, s := range m.Groups {
		for i := range l.groups {
			g := &l.groups[i]
			if o := g.Offers[0]; o.Stages == (stage.Range{First: s.First, Last: s.Last}) && o.Offer.Name == s.Offer {
				g.want, g.restored, l.begun = s.VMs, true, true
			}
		}
	}
	return nil
}
