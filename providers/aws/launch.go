package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/serflow/serflow-go/providers"
)

// intent is a launch and how far it has come. It is kept, so that a caller who asks again goes
// on where the answer was lost: with the same request, which EC2 does once.
type intent struct {
	launch   providers.Launch
	turn     chan struct{} // held by the caller whose turn it is
	granted  []providers.Instance
	refusals []error // of the candidates before the one that is next
	next     int
	asked    bool // of the one that is next: it may have been granted
	enough   bool // no further candidate is to be asked
	settled  bool
	refusal  error // if it is settled so
}

// remembered is how many launches are kept. EC2 itself remembers client tokens for a day.
const remembered = 10_000

// Launch asks for VMs of the cheapest type and in the preferred subnet, and goes on to the
// next where there is none. It may return fewer than were asked for. They have no address
// before EC2 has given them one.
func (e *EC2) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	const op = "launch"
	if err := l.Validate(); err != nil {
		return nil, failed(op, "", err)
	}
	api, err := e.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(e.options.Sold, func(vm VM) bool { return vm.Offer == l.Offer })
	if i < 0 {
		return nil, failed(op, "launch one of Offers", fmt.Errorf("%w: VM type %q", providers.ErrNotFound, l.Offer.Name))
	}
	if err := e.options.tagged(l); err != nil {
		return nil, failed(op, "", err)
	}
	userData, err := e.options.userData(l.Setup)
	if err != nil {
		return nil, failed(op, "", err)
	}
	it, err := e.intent(l)
	if err != nil {
		return nil, failed(op, "use a new token", err)
	}
	select {
	case it.turn <- struct{}{}:
		defer func() { <-it.turn }()
	case <-ctx.Done():
		return nil, failed(op, "VMs may have come of it: ask again with the same token, or list them", ctx.Err())
	}
	return e.proceed(ctx, op, api, it, e.options.candidates(e.options.Sold[i]), userData)
}

// intent is that of a launch, a new one if it was never asked for. Its error wraps
// providers.ErrInvalid.
func (e *EC2) intent(l providers.Launch) (*intent, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if it := e.intents[l.Token]; it != nil {
		if it.launch != l {
			return nil, fmt.Errorf("%w: token %q was used for another launch", providers.ErrInvalid, l.Token)
		}
		return it, nil
	}
	if len(e.order) >= remembered {
		delete(e.intents, e.order[0])
		e.order = e.order[1:]
	}
	it := &intent{launch: l, turn: make(chan struct{}, 1)}
	e.intents[l.Token], e.order = it, append(e.order, l.Token)
	return it, nil
}

// proceed takes a launch to its end, or to where it is not known how to go on.
func (e *EC2) proceed(ctx context.Context, op string, api *ec2.Client, it *intent, all []candidate, userData string) ([]providers.Instance, error) {
	ours := func(vm providers.Instance) bool { return vm.Token == it.launch.Token && vm.Owner == it.launch.Owner }
	first := it.next == 0 && !it.asked && len(all) > 1 // with one candidate, EC2 sees to it
	if it.settled || first {
		if it.refusal != nil {
			return nil, it.refusal
		}
		there, err := e.find(ctx, op, api, tokenTag, it.launch.Token, ours)
		if err != nil || it.settled || len(there) > 0 { // another process may have asked, and come further
			it.settled = it.settled || len(there) > 0
			return there, err
		}
	}
	for !it.enough && it.next < len(all) && len(it.granted) < it.launch.VMs {
		if err := e.ask(ctx, op, api, it, all[it.next], userData); err != nil {
			return nil, err
		}
	}
	return e.settle(op, it)
}

// ask asks for VMs of one candidate. Its error ends the launch, or leaves it open.
func (e *EC2) ask(ctx context.Context, op string, api *ec2.Client, it *intent, c candidate, userData string) error {
	a := newAttempts()
	in := e.options.request(it.launch, c, it.launch.VMs-len(it.granted), userData)
	out, err := api.RunInstances(ctx, in, func(o *ec2.Options) { o.Retryer = a })
	if err == nil {
		e.grant(it, out, c)
		it.next, it.asked = it.next+1, false
		return nil
	}
	refusal := understood(ctx, op, err)
	m := meaningOf(err)
	switch {
	case ctx.Err() != nil, m.sentinel == providers.ErrUnavailable:
		it.asked = true
		return refusal
	case m == noCapacity || m == overQuota:
		// An earlier try of the same request would have been answered again, had it been granted.
		it.refusals = append(it.refusals, fmt.Errorf("%s in %s: %w", c.Name, c.subnet, refusal.(*providers.Error).Err))
		it.next, it.asked = it.next+1, false
		return nil
	case a.doubtful:
		it.asked = true
		return failed(op, "ask again with the same token", fmt.Errorf("%w: an earlier try was not answered, and then: %v", providers.ErrUnavailable, err))
	case it.asked: // by an earlier call, of which this refusal says nothing
		return refusal
	case len(it.granted) > 0: // these are there, and the others are not
		it.enough = true
		return nil
	}
	it.settled, it.refusal = true, refusal
	return refusal
}

// grant adds what EC2 has launched, or had launched before.
func (e *EC2) grant(it *intent, out *ec2.RunInstancesOutput, c candidate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range out.Instances {
		l := it.launch
		vm := e.options.instance(i)
		vm.Token, vm.Owner, vm.Stages, vm.Artifact = l.Token, l.Owner, l.Stages, l.Artifact
		vm.Offer = bought(l.Offer, c)
		if over(i) {
			e.memory.End(time.Now(), vm.ID)
		} else if !e.memory.Ended(vm.ID) {
			e.memory.Begun(time.Now(), vm)
		}
		it.granted = append(it.granted, vm)
	}
}

// settle ends a launch with what there is of it.
func (e *EC2) settle(op string, it *intent) ([]providers.Instance, error) {
	it.settled = true
	if len(it.granted) == 0 {
		m := noCapacity
		if !slices.ContainsFunc(it.refusals, func(err error) bool { return errors.Is(err, noCapacity.sentinel) }) {
			m = overQuota
		}
		err := it.refusals[0]
		for _, another := range it.refusals[1:] {
			err = fmt.Errorf("%w; %w", err, another)
		}
		it.refusal = failed(op, m.remedy, err)
		return nil, it.refusal
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	there := slices.Clone(it.granted)
	return slices.DeleteFunc(there, func(vm providers.Instance) bool { return e.memory.Ended(vm.ID) }), nil
}
