package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
)

// vm is one whose process has not ended.
type vm struct {
	providers.Instance
	child  *child          // nil until it is started
	ctx    context.Context // over when it is to end
	cancel context.CancelFunc
	ended  time.Time     // when it was told to end, or ended by itself
	gone   chan struct{} // closed when it is in no list any more
}

// end tells a VM to end. The provider is locked.
func (v *vm) end() {
	if v.ended.IsZero() {
		v.ended = time.Now()
	}
	v.cancel()
}

// launch adds as many of the VMs as there is room for, or keeps why there is none. The provider
// is locked.
func (p *Provider) launch(l providers.Launch, program string, boot time.Duration) {
	rooms, err := p.rooms(l.VMs)
	p.launches[l.Token] = l
	if len(rooms) == 0 {
		// Not ErrUnavailable: it is certain that nothing has been launched.
		p.refusals[l.Token] = failed("launch", "raise the limit of open files, or end something",
			fmt.Errorf("%w: %d VMs of %q: %w", providers.ErrInsufficientCapacity, l.VMs, l.Offer.Name, err))
	}
	for _, room := range rooms {
		p.begin(l, program, boot, room)
	}
}

// rooms are for n VMs, or as many as there are; the error says why there are no more.
func (p *Provider) rooms(n int) (rooms []*pipes, err error) {
	there := p.faults.Room(n)
	for range n {
		if len(rooms) == there {
			return rooms, errors.New("injected: there is no more room")
		}
		room, err := newPipes()
		if err != nil {
			return rooms, err
		}
		rooms = append(rooms, room)
	}
	return rooms, nil
}

// begin adds one VM. The provider is locked.
func (p *Provider) begin(l providers.Launch, program string, boot time.Duration, room *pipes) {
	p.account.VMs++
	vm := &vm{gone: make(chan struct{}), Instance: providers.Instance{
		ID: fmt.Sprintf("vm-%d", p.account.VMs), Token: l.Token, Owner: l.Owner,
		Offer: l.Offer, Stages: l.Stages, Artifact: l.Artifact, Launched: time.Now(),
	}}
	vm.ctx, vm.cancel = context.WithCancel(p.ctx)
	p.vms = append(p.vms, vm)
	start := launch.Start{Kind: launch.VM, Setup: l.Setup, Pace: pace(l.Offer.VCPUs)}
	p.running.Go(func() { p.bury(vm, p.live(vm, program, boot, start, room)) })
}

// live is the life of a VM from its launch until its process has ended, and says why that
// was, if it ended by itself.
func (p *Provider) live(vm *vm, program string, boot time.Duration, start launch.Start, room *pipes) error {
	select {
	case <-time.After(boot):
	case <-vm.ctx.Done():
		room.close()
		return nil
	}
	child, err := p.start(vm.ID, program, start, room)
	if err != nil {
		return err
	}
	p.locked(func() { vm.child = child })
	address, err := child.await(vm.ctx, p.options.Startup)
	if err != nil {
		return err
	}
	p.locked(func() { vm.Address = address })
	select {
	case <-child.done:
		return child.postmortem(errors.New("it ended by itself"))
	case <-vm.ctx.Done():
		child.end()
		return nil
	}
}

func (p *Provider) locked(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// bury takes a VM from the list and bills it. If it was not told to end, it is remembered
// why it did.
func (p *Provider) bury(dead *vm, why error) {
	p.mu.Lock()
	byItself := dead.ended.IsZero()
	dead.end()
	p.account.bill(dead)
	p.vms = slices.DeleteFunc(p.vms, func(vm *vm) bool { return vm == dead })
	if byItself {
		p.remember(dead.ID, why)
	}
	p.mu.Unlock()
	close(dead.gone)
	if byItself {
		p.log.line(dead.ID, "gone: "+why.Error())
	}
}

// pace is the share of a core that one slot of a machine may use. A number of vCPUs that
// is not known limits nothing.
func pace(vCPUs float64) float64 {
	if !(vCPUs > 0) {
		return 1
	}
	return min(1, vCPUs)
}
