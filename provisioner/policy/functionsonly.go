package policy

import "time"

// FunctionsOnly is a baseline: no VMs beyond the least that each group must have.
type FunctionsOnly struct{}

// Name is FunctionsOnly.
func (FunctionsOnly) Name() string { return "FunctionsOnly" }

// Decide orders no VMs.
func (FunctionsOnly) Decide(_ time.Duration, o Observation) Decision {
	d := Decision{Groups: make([]Order, len(o.Groups))}
	for i, g := range o.Groups {
		d.Groups[i] = g.within(0, Reason{Rule: "functions only"})
	}
	return d
}
