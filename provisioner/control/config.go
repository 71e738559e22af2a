package control

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// ErrConfig marks a loop that cannot be.
var ErrConfig = errors.New("bad control loop")

// DefaultEvery is the time between two ticks, if nothing else is said.
const DefaultEvery = 10 * time.Second

// Config is what a Loop goes by.
type Config struct {
	Policy policy.Policy // serves this loop alone, for it remembers; default a policy.CostOptimal
	Every  time.Duration // between ticks; default DefaultEvery
	Groups []Group       // of VMs, of the plan
	Limits provisioner.Limits
	// Reach is the fraction of all requests that gets as far as each stage, for which the plan was
	// made; nil if there will be no other plan. Reach that differs from it by more than a part of
	// Band, and by more than chance, is a Drift. Band's default is 0.25.
	Reach []float64
	Band  float64
}

// Group is contiguous stages that VMs serve.
type Group struct {
	// Offers are what the VMs may be: first the plan's, and then what is taken while that cannot
	// be had, the best first. All serve the same stages. The VMs of the first are what the group
	// begins with; those of the others mean nothing.
	Offers []Offer
	// Min and Max pin the number of VMs, in VMs of the first offer; a Max of 0 is as many as the
	// limits allow.
	Min, Max int

	leaving bool // requests are moving to the groups of another plan: see Toward
}

// Offer is a kind of VM for a group, and what such VMs cost and carry there. The policy is told
// of the first offer's; VMs of another count by their Saturation.
type Offer struct {
	provisioner.VMGroup
	policy.Economics
}

func (c Config) withDefaults() Config {
	if c.Policy == nil {
		c.Policy = &policy.CostOptimal{}
	}
	c.Every, c.Band = cmp.Or(c.Every, DefaultEvery), cmp.Or(c.Band, 0.25)
	return c
}

// validate reports what cannot be. Its error wraps ErrConfig.
func (c Config) validate() error {
	if c.Every < 0 {
		return fmt.Errorf("%w: a tick every %v: give more than no time", ErrConfig, c.Every)
	}
	if !(c.Band >= 0) {
		return fmt.Errorf("%w: a band of %v: give a part of reach", ErrConfig, c.Band)
	}
	seen := map[provisioner.Key]bool{}
	for i, g := range c.Groups {
		if len(g.Offers) == 0 {
			return fmt.Errorf("%w: group %d has no offer: give it one", ErrConfig, i+1)
		}
		stages := g.Offers[0].Stages
		if g.Min < 0 || g.Max < 0 || g.Max > 0 && g.Min > g.Max {
			return fmt.Errorf("%w: %d to %d VMs for %v: give nothing negative, and no minimum above the maximum", ErrConfig, g.Min, g.Max, stages)
		}
		for _, o := range g.Offers {
			key := provisioner.Key{Stages: o.Stages, Offer: o.Offer.Name}
			switch {
			case o.Stages != stages || seen[key] || o.VMs < 0:
				return fmt.Errorf("%w: %d VMs of %q for %v, in the group of %v: name each offer of a group once, for its stages", ErrConfig, o.VMs, o.Offer.Name, o.Stages, stages)
			case o.Boot < 0 || !amount(o.PerSecond) || !amount(o.PerRequest):
				return fmt.Errorf("%w: a VM of %q boots for %v and costs %v a second, and a request of %v costs %v on functions: give nothing negative", ErrConfig, o.Offer.Name, o.Boot, o.PerSecond, o.Stages, o.PerRequest)
			case !(o.Saturation > 0) || math.IsInf(o.Saturation, 0):
				return fmt.Errorf("%w: a VM of %q carries %v requests per second of %v: give what it carries at most", ErrConfig, o.Offer.Name, o.Saturation, stages)
			}
			if err := o.Offer.Validate(); err != nil {
				return fmt.Errorf("%w: %w", ErrConfig, err)
			}
			seen[key] = true
		}
	}
	return nil
}

// amount tells whether a number of dollars can be.
func amount(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }

// most is the VMs of its first offer that a group may have.
func (c Config) most(g Group) int {
	most := c.Limits.VMs
	if o := g.Offers[0].Offer; o.Market != provisioner.Committed && float64(most)*o.PerHour > c.Limits.PerHour {
		most = int(c.Limits.PerHour/o.PerHour + 1e-9)
	}
	if g.Max > 0 {
		most = min(most, g.Max)
	}
	return max(most, 0)
}
