package provisioner

import (
	"maps"
	"slices"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Events only change what the fleet knows; what follows from them is said by Tick.

// Launched is the answer to a launch: the VMs that there now are. They may be fewer
// than were asked for. A launch that was asked for again may be answered again, after it
// has been settled: a VM that no one owns then, or that has ended long since, is ended once
// more, which harms nothing, and until that is done it takes up room in the limits.
func (f *Fleet) Launched(now time.Duration, token string, ids ...string) {
	l := f.launches[token]
	for _, id := range ids {
		switch {
		case f.identify(now, id, l):
		case l == nil || l.vms == 0:
			f.stray(now, id, token, l)
		default:
			f.add(now, id, l, Booting)
		}
	}
	if l != nil {
		f.settle(now, l)
	}
}

// LaunchFailed is the other answer: no VM has come of this ask, and none will. If that is
// not certain, as after a time-out, say nothing: the launch is asked again. Of a launch that
// was asked for more than once, VMs may have come of another ask; only a list can tell.
func (f *Fleet) LaunchFailed(now time.Duration, token string) {
	switch l := f.launches[token]; {
	case l == nil:
	case l.asks > 1:
		l.refused = true
	default:
		f.settle(now, l)
	}
}

// Ready is a VM that has registered, with the token that it was launched under. It may
// do so before its launch has been answered.
func (f *Fleet) Ready(now time.Duration, id, token string) {
	_, gone := f.gone[id]
	vm, l := f.vms[id], f.launches[token]
	switch {
	case vm != nil && vm.State == Booting:
		vm.move(now, Ready)
		delete(f.deaths, vm.Key)
	case vm != nil:
	case l != nil && l.vms > 0 && !gone:
		f.add(now, id, l, Ready)
		delete(f.deaths, l.key)
	default:
		f.stray(now, id, token, l)
	}
}

// Idle is a draining VM that has nothing left to do.
func (f *Fleet) Idle(now time.Duration, id string) {
	if vm := f.vms[id]; vm != nil && vm.State == Draining {
		vm.move(now, Ending)
	}
}

// Lost is a VM that does not answer any more, or never will. It is ended, lest it be billed on,
// also if its launch has not been answered yet. If it has never been ready, the one after the next
// of its kind is held back.
func (f *Fleet) Lost(now time.Duration, id string) {
	_, gone := f.gone[id]
	switch vm := f.vms[id]; {
	case vm == nil && len(f.launches) > 0 && !gone:
		f.stray(now, id, "", nil)
	case vm != nil && vm.State != Ending:
		if vm.State == Booting {
			f.stillborn(now, vm)
		}
		vm.move(now, Ending)
	}
}

// Notice is a VM that its provider is about to take back. Tick then drains it, or ends it if
// it has not come to serve. It may be the first that is heard of the VM.
func (f *Fleet) Notice(now time.Duration, id string) {
	if vm := f.vms[id]; vm != nil {
		vm.doom(now)
	} else {
		f.warned[id] = true
	}
}

// doom is what a notice means for a VM, whatever it is doing.
func (vm *VM) doom(now time.Duration) {
	vm.doomed = true
	switch vm.State {
	case Booting:
		vm.move(now, Ending)
	case Ready:
		vm.move(now, Draining)
	}
}

// Ended is a VM that is no more.
func (f *Fleet) Ended(now time.Duration, id string) {
	vm := f.vms[id]
	if vm != nil {
		if vm.State == Booting {
			f.stillborn(now, vm)
		}
		f.bill(now, vm)
		delete(f.vms, id)
	}
	if _, again := f.gone[id]; !again {
		f.gone[id] = ghost{ended: now, unbilled: vm == nil || vm.unidentified()}
	}
}

// settle closes a launch. If fewer VMs have come of it than were asked for, the next one of
// its kind is held back.
func (f *Fleet) settle(now time.Duration, l *launch) {
	delete(f.launches, l.token)
	if l.vms > 0 {
		f.failed(now, l.key)
	} else {
		delete(f.backoff, l.key)
	}
}

// Found is a VM that a provider lists under our owner tag, with what its tags say.
type Found struct {
	ID     string
	Token  string
	Stages stage.Range
	Offer  VMOffer
	Age    time.Duration // since its launch, which an earlier run has paid for if it is that run's; 0 if that is not known
}

// Found takes in all VMs that the provider lists, but for those of Rivals. One that is not known is adopted, as
// booting, for what its tags say: Tick ends it if it is not wanted. One that is known
// and not listed has ended, unless it is so new that the list may be older: a list must
// not take longer than Patience.Launch. A launch that only a list can tell of is settled.
func (f *Fleet) Found(now time.Duration, all ...Found) {
	all = f.without(now, all)
	listed := map[string]bool{}
	for _, x := range all {
		listed[x.ID] = true
		l := f.launches[x.Token]
		if l == nil || l.vms == 0 {
			l = &launch{token: x.Token, key: Key{x.Stages, x.Offer.Name}, offer: x.Offer, vms: 1, first: now - max(x.Age, 0)}
			if x.Age > 0 && !f.ours(x.Token) {
				l.counted = x.Offer.Cost(x.Age)
			}
		}
		if !f.identify(now, x.ID, l) {
			f.heirs[x.Token] = !f.ours(x.Token)
			f.add(now, x.ID, l, Booting)
		}
	}
	for id, vm := range f.vms {
		if !listed[id] && now-vm.known >= f.patience.Launch {
			f.Ended(now, id)
		}
	}
	for _, token := range slices.Sorted(maps.Keys(f.launches)) {
		if l := f.launches[token]; l.doubtful(f.patience) && now >= l.begun+f.patience.Launch {
			f.settle(now, l)
		}
	}
}

// add takes a VM of a launch in.
func (f *Fleet) add(now time.Duration, id string, l *launch, s State) {
	l.vms--
	vm := &VM{ID: id, Token: l.token, State: s, Launched: l.first, known: now, since: now, billed: l.counted}
	f.vms[id] = vm
	vm.identify(l)
	f.bill(now, vm)
	if f.warned[id] { // not worth sending anything to
		vm.move(now, Ending)
	}
}

// stray is a VM of ours that is not wanted, and that no one else would ever end. Its launch
// is nil if that is not known.
func (f *Fleet) stray(now time.Duration, id, token string, l *launch) {
	vm := &VM{ID: id, Token: token, State: Ending, Launched: now, known: now, since: now}
	f.vms[id] = vm
	if l != nil {
		vm.identify(l)
	}
}

func (vm *VM) move(now time.Duration, to State) { vm.State, vm.since, vm.told = to, now, false }

// bill adds what a VM has cost since it was last billed.
func (f *Fleet) bill(now time.Duration, vm *VM) {
	cost := vm.offer.Cost(now - vm.Launched)
	f.spent.add(now, cost-vm.billed)
	vm.billed = cost
}

// reprice bills a VM from now on at the price that its kind has by what is wanted: a market moves,
// and the limits are of what VMs cost today.
func (f *Fleet) reprice(now time.Duration, vm *VM) {
	for _, w := range f.wants {
		if w.Key() == vm.Key && w.Offer != vm.offer {
			vm.offer = w.Offer
			vm.billed = vm.offer.Cost(now - vm.Launched)
		}
	}
}
