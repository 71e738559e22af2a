package serflow

import (
	"errors"
	"fmt"

	"github.com/serflow/serflow-go/providers"
)

// errStillborn marks a VM that ended before it was ready.
var errStillborn = errors.New("a VM ended while it booted")

// booting is what goes wrong when one does: see note.
const booting = "VM ended while it booted"

// forgetGone stops following VMs that are no more: those that the machine does not know, and
// those that boot and are not listed though they should be.
func (f *fleet) forgetGone(listed map[string]bool) {
	for id, w := range f.watches {
		_, known := f.machine.VM(id)
		was := w.listed
		w.listed = listed[id]
		switch {
		case !known:
			f.log.Info("gone", "vm", id)
			f.forget(id)
		case w.listed || w.place != nil:
		default:
			if why := f.obituary(w, was); why != nil {
				f.note(booting, why)
				f.lose(w)
			}
		}
	}
}

// obituary says why a VM that is not listed is taken to have ended; nil if the list may be
// older than the VM is. One that was listed before has ended. So has one that its provider
// says to have; or that has had an address for long enough to be listed, and is not ready yet.
func (f *fleet) obituary(w *watch, listed bool) error {
	if c, ok := f.vms.(providers.Coroner); ok {
		if why := c.Gone(w.vm.ID); why != nil {
			return fmt.Errorf("%w: %w", errStillborn, why)
		}
	}
	if listed || w.located && f.now()-w.begun >= lateVM {
		return fmt.Errorf("%w: %s is not listed any more: %w", errStillborn, w.vm.ID, providers.ErrUnavailable)
	}
	return nil
}
