package provisioner

import (
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Events only change what the fleet knows; what follows from them is said by Tick.

// Launched is the answer to a launch: the VMs that there now are. They may be fewer
// than were asked for.
func (f *Fleet) Launched(now time.Duration, token string, ids ...string) {
	l := f.launches[token]
	for _, id := range ids {
		if f.vms[id] != nil || f.gone[id] {
			continue
		}
		if l == nil || l.vms == 0 {
			f.stray(now, id, token)
			continue
		}
		f.add(now, id, l, Booting)
	}
	if l == nil {
		return
	}
	f.settle(token)
	if l.vms > 0 {
		f.failed(now, l.key)
	} else {
		delete(f.backoff, l.key)
	}
}

// LaunchFailed is the other answer: no VM has come of the launch, and none will. If
// that is not certain, as after a time-out, say nothing: the launch is asked again.
func (f *Fleet) LaunchFailed(now time.Duration, token string) {
	if l := f.launches[token]; l != nil {
		f.settle(token)
		f.failed(now, l.key)
	}
}

// Ready is a VM that has registered, with the token that it was launched under. It may
// do so before its launch has been answered.
func (f *Fleet) Ready(now time.Duration, id, token string) {
	vm := f.vms[id]
	switch l := f.launches[token]; {
	case vm != nil && vm.State == Booting:
		vm.move(now, Ready)
	case vm != nil:
	case l != nil && l.vms > 0 && !f.gone[id]:
		f.add(now, id, l, Ready)
	default:
		f.stray(now, id, token)
	}
}

// Idle is a draining VM that has nothing left to do.
func (f *Fleet) Idle(now time.Duration, id string) {
	if vm := f.vms[id]; vm != nil && vm.State == Draining {
		vm.move(now, Ending)
	}
}

// Lost is a VM that does not answer any more. It is ended, lest it be billed on, also if
// its launch has not been answered yet.
func (f *Fleet) Lost(now time.Duration, id string) {
	switch vm := f.vms[id]; {
	case vm == nil && len(f.launches) > 0 && !f.gone[id]:
		f.stray(now, id, "")
	case vm != nil && vm.State != Ending:
		vm.move(now, Ending)
	}
}

// Notice is a VM that its provider is about to take back.
func (f *Fleet) Notice(now time.Duration, id string) {
	if vm := f.vms[id]; vm != nil {
		vm.doomed = true
		if vm.State <= Ready {
			vm.move(now, Draining)
		}
	}
}

// Ended is a VM that is no more.
func (f *Fleet) Ended(now time.Duration, id string) {
	if vm := f.vms[id]; vm != nil {
		f.bill(now, vm)
		delete(f.vms, id)
	}
	if len(f.launches) > 0 {
		f.gone[id] = true // the answer that names it may still come
	}
}

// settle closes a launch. When none is open, no late answer can name a VM that has ended.
func (f *Fleet) settle(token string) {
	delete(f.launches, token)
	if len(f.launches) == 0 {
		clear(f.gone)
	}
}

// Found is a VM that a provider lists under our owner tag, with what its tags say.
type Found struct {
	ID     string
	Token  string
	Stages stage.Range
	Offer  VMOffer
}

// Found takes in all VMs that the provider lists. One that is not known is adopted, as
// booting, for what its tags say: Tick ends it if it is not wanted. One that is known
// and not listed has ended, unless it is so new that the list may be older: a list must
// not take longer than Patience.Launch.
func (f *Fleet) Found(now time.Duration, all ...Found) {
	f.found, f.listed, f.asked = true, now, false
	listed := map[string]bool{}
	for _, x := range all {
		listed[x.ID] = true
		if f.vms[x.ID] != nil || f.gone[x.ID] { // the list may be older than its end
			continue
		}
		l := f.launches[x.Token]
		if l == nil || l.vms == 0 {
			l = &launch{token: x.Token, key: Key{x.Stages, x.Offer.Name}, offer: x.Offer, vms: 1, first: now}
		}
		f.add(now, x.ID, l, Booting)
	}
	for id, vm := range f.vms {
		if !listed[id] && now-vm.known >= f.patience.Launch {
			f.Ended(now, id)
		}
	}
	for token, l := range f.launches {
		if l.doubtful(f.patience) && now >= l.begun+f.patience.Launch {
			f.LaunchFailed(now, token)
		}
	}
}

// add takes a VM of a launch in.
func (f *Fleet) add(now time.Duration, id string, l *launch, s State) {
	l.vms--
	vm := &VM{ID: id, Token: l.token, Key: l.key, State: s, Launched: l.first, offer: l.offer, known: now, since: now}
	f.vms[id] = vm
	f.bill(now, vm)
}

// stray is a VM of ours that nothing is known of: no one would ever end it.
func (f *Fleet) stray(now time.Duration, id, token string) {
	f.vms[id] = &VM{ID: id, Token: token, State: Ending, Launched: now, known: now, since: now}
}

// failed holds back the next launch of a kind, twice as long as the last time.
func (f *Fleet) failed(now time.Duration, k Key) {
	b := f.backoff[k]
	if b == nil {
		b = &backoff{}
		f.backoff[k] = b
	}
	b.until = now + f.patience.Retry<<min(b.failures, 6)
	b.failures++
}

func (vm *VM) move(now time.Duration, to State) { vm.State, vm.since, vm.told = to, now, false }

// bill adds what a VM has cost since it was last billed.
func (f *Fleet) bill(now time.Duration, vm *VM) {
	cost := vm.offer.Cost(now - vm.Launched)
	f.spent.add(now, cost-vm.billed)
	vm.billed = cost
}
