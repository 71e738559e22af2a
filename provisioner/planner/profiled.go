package planner

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// AskOf makes a question of a model's profile and of what its offers cost, to which only the SLO and
// the traffic need be added. Offers that the profile does not know are left out; it must know one at
// least, and of those that it knows all stages. The memory that a group needs is the most that a worker
// was seen to use with the whole model. Prices of bytes are not in a profile: set those of Network. Nor is the share
// of calls that meet a cold start, which is the traffic's: Cold is taken over, and costs nothing until a Function's
// ColdShare is set.
// The error wraps ErrAsk, and is a *profile.FieldError if it is the profile's.
func AskOf(d *profile.Document, vms []provisioner.VMOffer, functions []provisioner.FunctionOffer) (Ask, error) {
	if err := d.Check(); err != nil {
		return Ask{}, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	a := Ask{}
	if d.Reach != nil {
		a.Reach = slices.Clone(d.Reach.Shares)
	}
	if d.Bytes != nil {
		a.Network.Payload, a.Network.Answer = slices.Clone(d.Bytes.Into), d.Bytes.Answer
	}
	for _, offer := range vms {
		o, times, err := known(d, offer.Name)
		if err != nil {
			return Ask{}, err
		}
		if o != nil {
			a.VMs = append(a.VMs, VM{Offer: offer, Times: times, Boot: o.Boot.Mean(), Slots: o.Slots})
			a.take(&a.Network.VM, o)
		}
	}
	for _, offer := range functions {
		o, times, err := known(d, offer.Name)
		if err != nil {
			return Ask{}, err
		}
		if o != nil {
			a.Functions = append(a.Functions, Function{Offer: offer, Times: times, Overhead: time.Duration(o.Overhead), Cold: o.Cold.Mean()})
			a.take(&a.Network.Function, o)
		}
	}
	if len(a.VMs)+len(a.Functions) == 0 {
		return Ask{}, fmt.Errorf("%w: the profile knows none of the offers: measure one of them, or write it under the name that its provider gives it", ErrAsk)
	}
	return a, nil
}

// known is nil of an offer that the profile does not know.
func known(d *profile.Document, name string) (*profile.Offer, profile.Times, error) {
	o := d.Offers[name]
	if o == nil {
		return nil, nil, nil
	}
	times, err := d.Profile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	return o, times, nil
}

// take takes the longest way and the most memory of all offers.
func (a *Ask) take(path *provisioner.Path, o *profile.Offer) {
	path.Latency = max(path.Latency, time.Duration(o.Way))
	a.Memory.BaseMB = max(a.Memory.BaseMB, o.MemoryMB)
}
