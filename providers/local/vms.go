package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// VMs implements providers.VMs.
type VMs struct{ p *Provider }

var (
	_ providers.VMs     = (*VMs)(nil)
	_ providers.Coroner = (*VMs)(nil)
)

// Name is "local".
func (*VMs) Name() string { return name }

// Offers lists the VMs of the options.
func (v *VMs) Offers(ctx context.Context) (offers []provisioner.VMOffer, err error) {
	if err := v.p.enter(ctx, "list VM offers"); err != nil {
		return nil, err
	}
	defer v.p.mu.Unlock()
	for _, vm := range v.p.options.VMs {
		offers = append(offers, vm.Offer)
	}
	return offers, nil
}

// Launch answers at once. The VMs boot from then on, and have an address when they are
// ready; one that does not become ready is gone. There may be fewer than were asked for,
// or none and providers.ErrInsufficientCapacity, if files have run out.
func (v *VMs) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	const op = "launch"
	p := v.p
	if err := p.enter(ctx, op); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	if err := l.Validate(); err != nil {
		return nil, failed(op, "", err)
	}
	if before, again := p.launches[l.Token]; again && before != l {
		return nil, failed(op, "use a new token", fmt.Errorf("%w: token %q was used for another launch", providers.ErrInvalid, l.Token))
	} else if again {
		return p.cameOf(l.Token)
	}
	i := slices.IndexFunc(p.options.VMs, func(vm VM) bool { return vm.Offer == l.Offer })
	if i < 0 {
		return nil, failed(op, "launch one of Offers", fmt.Errorf("%w: VM type %q", providers.ErrNotFound, l.Offer.Name))
	}
	program, err := p.runnable(l.Artifact, l.Setup)
	if err != nil {
		return nil, failed(op, "", err)
	}
	p.launch(l, program, p.options.VMs[i].Boot)
	return p.cameOf(l.Token)
}

// cameOf is the answer to a launch that has been done. The provider is locked.
func (p *Provider) cameOf(token string) ([]providers.Instance, error) {
	if err := p.refusals[token]; err != nil {
		return nil, err
	}
	return answer(p, "launch", p.list(func(vm *vm) bool { return vm.Token == token }))
}

// List lists the owner's VMs whose processes have not ended.
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

// End ends a VM, and returns when its process is gone. It goes on if the context ends
// before that.
func (v *VMs) End(ctx context.Context, id string) error {
	const op = "end VM"
	if err := v.p.enter(ctx, op); err != nil {
		return err
	}
	gone := v.p.end(id)
	v.p.mu.Unlock()
	select {
	case <-gone:
		_, err := answer(v.p, op, id)
		return err
	case <-ctx.Done():
		return failed(op, "it is ending: List tells when it is gone", ctx.Err())
	}
}

// end tells a VM to end, and returns what is closed when it is gone. The provider is locked.
func (p *Provider) end(id string) (gone <-chan struct{}) {
	i := slices.IndexFunc(p.vms, func(vm *vm) bool { return vm.ID == id })
	if i < 0 {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	p.vms[i].end()
	return p.vms[i].gone
}

// PIDs is the process IDs of the VMs whose processes run, by the VM's ID.
func (p *Provider) PIDs() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pids := map[string]int{}
	for _, vm := range p.vms {
		if vm.child != nil && !vm.child.exited.Load() {
			pids[vm.ID] = vm.child.cmd.Process.Pid
		}
	}
	return pids
}
