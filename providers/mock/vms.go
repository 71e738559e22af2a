package mock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// VMs implements providers.VMs and providers.Noticer.
type VMs struct{ p *Provider }

var (
	_ providers.VMs     = (*VMs)(nil)
	_ providers.Noticer = (*VMs)(nil)
)

// Name is "mock".
func (*VMs) Name() string { return "mock" }

// Offers lists the VMs of the options.
func (v *VMs) Offers(ctx context.Context) ([]provisioner.VMOffer, error) {
	if err := v.p.enter(ctx, "list VM offers"); err != nil {
		return nil, err
	}
	defer v.p.mu.Unlock()
	return slices.Clone(v.p.options.VMs), nil
}

// Launch launches what the world grants, and answers when the world does. VMs are there
// from the start, and stay if the caller does not wait. A token that is asked for again
// is answered at once: with its VMs that there are now, or refused if it was.
func (v *VMs) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	const op = "launch"
	instances, wait, err := v.p.launch(ctx, l)
	if wait > 0 {
		select {
		case <-after(wait):
		case <-ctx.Done():
			return nil, failed(op, "VMs may have come of it: ask again with the same token, or list them", ctx.Err())
		case <-v.p.ctx.Done():
			return nil, closed(op)
		}
	}
	if err != nil {
		return nil, err
	}
	return answer(v.p, op, instances)
}

// launch does a launch, and says what its answer is and after how long it comes.
func (p *Provider) launch(ctx context.Context, l providers.Launch) ([]providers.Instance, time.Duration, error) {
	if err := p.enter(ctx, "launch"); err != nil {
		return nil, 0, err
	}
	defer p.mu.Unlock()
	if err := l.Validate(); err != nil {
		return nil, 0, failed("launch", "", err)
	}
	if before, again := p.launches[l.Token]; again && before != l {
		return nil, 0, failed("launch", "use a new token", fmt.Errorf("%w: token %q was used for another launch", providers.ErrInvalid, l.Token))
	} else if again {
		return p.cameOf(l.Token), 0, p.refusals[l.Token]
	}
	if !slices.Contains(p.options.VMs, l.Offer) {
		return nil, 0, failed("launch", "launch one of Offers", fmt.Errorf("%w: VM type %q", providers.ErrNotFound, l.Offer.Name))
	}
	granted := p.grant(l)
	p.launches[l.Token] = l
	if granted.Err != nil {
		p.refusals[l.Token] = failed("launch", "try later, or another offer", granted.Err)
		return nil, granted.Answer, p.refusals[l.Token]
	}
	for _, life := range granted.VMs {
		p.begin(l, life)
	}
	return p.cameOf(l.Token), granted.Answer, nil
}

// grant asks the world, for as many VMs as there is room for. The provider is locked.
func (p *Provider) grant(l providers.Launch) simulate.Launch {
	n := p.faults.Room(l.VMs)
	if n == 0 {
		return simulate.Launch{Err: fmt.Errorf("%w: %d VMs of %q", providers.ErrInsufficientCapacity, l.VMs, l.Offer.Name)}
	}
	return p.world.Launch(p.now(), l.Offer, n)
}

// cameOf is the VMs of a launch that there are now.
func (p *Provider) cameOf(token string) []providers.Instance {
	return p.list(func(vm *vm) bool { return vm.Token == token })
}

// List lists the owner's VMs that have not ended.
func (v *VMs) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	const op = "list VMs"
	if err := v.p.enter(ctx, op); err != nil {
		return nil, err
	}
	defer v.p.mu.Unlock()
	return answer(v.p, op, v.p.list(func(vm *vm) bool { return vm.Owner == owner }))
}

func (p *Provider) list(which func(*vm) bool) (list []providers.Instance) {
	for _, vm := range p.vms {
		if which(vm) {
			list = append(list, vm.Instance)
		}
	}
	return list
}

// End ends a VM at once.
func (v *VMs) End(ctx context.Context, id string) error {
	const op = "end VM"
	if err := v.p.enter(ctx, op); err != nil {
		return err
	}
	defer v.p.mu.Unlock()
	v.p.end(id)
	_, err := answer(v.p, op, id)
	return err
}
