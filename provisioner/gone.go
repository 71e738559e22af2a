package provisioner

import (
	"maps"
	"time"
)

// ghost is a VM that has ended. Answers that are older than its end may still name it.
type ghost struct {
	ended    time.Duration
	unbilled bool // what it was is not known
}

// expecting tells whether an answer is on its way that may name VMs which are not known.
func (f *Fleet) expecting() bool { return len(f.launches) > 0 || f.asked || !f.found }

// forget forgets ghosts, and notices of VMs that have not come, when no answer can name
// them any more. A driver may list VMs without being asked; such a list too is no older than
// Patience.Launch.
func (f *Fleet) forget(now time.Duration) {
	if f.expecting() {
		return
	}
	clear(f.warned)
	maps.DeleteFunc(f.gone, func(_ string, g ghost) bool { return now-g.ended >= f.patience.Launch })
}

// identify tells whether a VM that an answer names is known already, or has ended. If it was
// only known to be lost, its launch says what it costs; that is nil if it is not known.
func (f *Fleet) identify(now time.Duration, id string, l *launch) bool {
	if vm := f.vms[id]; vm != nil {
		if l != nil && vm.unidentified() {
			vm.identify(l)
		}
		return true
	}
	g, ok := f.gone[id]
	if l != nil && g.unbilled {
		f.spent.add(now, l.offer.Cost(g.ended-l.first))
		f.gone[id] = ghost{ended: g.ended}
	}
	return ok
}

// unidentified tells whether nothing says what a VM is, and so what it costs.
func (vm *VM) unidentified() bool { return vm.offer.Name == "" }

func (vm *VM) identify(l *launch) {
	vm.Key, vm.offer = l.key, l.offer
	vm.Launched = min(vm.Launched, l.first)
}
