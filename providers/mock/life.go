package mock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// vm is one that there is.
type vm struct {
	providers.Instance
	ctx    context.Context // over when it ends
	cancel context.CancelFunc
}

// begin adds a VM of a launch. The provider is locked.
func (p *Provider) begin(l providers.Launch, life simulate.Life) {
	p.account.VMs++
	id := fmt.Sprintf("vm-%d", p.account.VMs)
	vm := &vm{Instance: providers.Instance{
		ID: id, Token: l.Token, Owner: l.Owner, Address: id + "." + name,
		Offer: l.Offer, Stages: l.Stages, Artifact: l.Artifact, Launched: time.Now(),
	}}
	vm.ctx, vm.cancel = context.WithCancel(p.ctx)
	p.vms = append(p.vms, vm)
	p.running.Go(func() { p.live(vm, life) })
}

// live does what happens to a VM by itself, until it ends.
func (p *Provider) live(vm *vm, life simulate.Life) {
	boot, notice, lost := after(life.Boot), after(life.Notice), after(life.Lost)
	for {
		select {
		case <-boot:
			if run := p.options.VM; run != nil {
				p.running.Go(func() { run(vm.ctx, vm.Instance) })
			}
		case <-notice:
			p.tell(providers.Notice{ID: vm.ID, End: vm.Launched.Add(life.Lost)})
		case <-lost:
			p.mu.Lock()
			p.end(vm.ID)
			p.mu.Unlock()
		case <-vm.ctx.Done():
			return
		}
	}
}

// end ends a VM and bills it, if it is there. The provider is locked.
func (p *Provider) end(id string) {
	i := slices.IndexFunc(p.vms, func(vm *vm) bool { return vm.ID == id })
	if i < 0 {
		return
	}
	p.account.bill(p.vms[i])
	p.vms[i].cancel()
	p.vms = slices.Delete(p.vms, i, i+1)
}
