package provisioner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Tick says what to do now, and when it is to be called next if no event comes before:
// call it after events too. Asked twice at one time it repeats nothing.
//
// VMs that boot and launches that have not been answered count as if they served: they
// will, and ordering them again each time is how autoscalers order too much.
func (f *Fleet) Tick(now time.Duration) (actions []Action, wake time.Duration) {
	f.forget(now)
	for _, vm := range f.sorted() {
		f.bill(now, vm)
		f.reprice(now, vm)
		actions = f.tell(now, vm, actions)
	}
	actions = f.list(now, actions)
	for _, token := range slices.Sorted(maps.Keys(f.launches)) {
		actions = f.askAgain(now, f.launches[token], actions)
	}
	f.spent.advance(now)
	f.lingers = Never
	broke := f.spent.day() >= f.limits.PerDay
	targets := f.targets()
	f.cut(targets)
	for i := range targets {
		if broke {
			targets[i].VMs, targets[i].Linger = 0, 0
		}
	}
	for _, w := range targets {
		actions = f.resume(now, w, actions)
	}
	actions = f.reuse(targets, actions)
	for _, w := range targets {
		actions = f.adjust(now, w, actions)
	}
	return actions, f.wake(now)
}

// sorted is the VMs, those launched last first.
func (f *Fleet) sorted() []*VM {
	return slices.SortedFunc(maps.Values(f.vms), func(a, b *VM) int {
		return cmp.Or(cmp.Compare(b.Launched, a.Launched), cmp.Compare(a.ID, b.ID))
	})
}

// tell drains a VM that has come to that, and ends one that did not register or finish in
// time, or was to end.
func (f *Fleet) tell(now time.Duration, vm *VM, actions []Action) []Action {
	if vm.State == Draining && !vm.told {
		vm.told = true
		actions = append(actions, Action{Kind: Drain, ID: vm.ID})
	}
	if now < f.expires(vm) {
		return actions
	}
	if vm.State == Booting {
		f.stillborn(now, vm)
	}
	if vm.State != Ending {
		vm.move(now, Ending)
	}
	vm.told, vm.since = true, now
	return append(actions, Action{Kind: End, ID: vm.ID})
}

// expires is when a VM has had its time in its state.
func (f *Fleet) expires(vm *VM) time.Duration {
	switch vm.State {
	case Booting:
		return vm.since + f.patience.Boot
	case Draining:
		return vm.since + f.patience.Drain
	case Ending:
		if vm.told {
			return vm.since + f.patience.End
		}
		return vm.since
	}
	return Never
}

// list asks for all VMs at the start, now and then, and when only that can tell.
func (f *Fleet) list(now time.Duration, actions []Action) []Action {
	if now < f.lists() {
		return actions
	}
	f.asked, f.askedAt = true, now
	return append(actions, Action{Kind: List})
}

// lists is when a list is due.
func (f *Fleet) lists() time.Duration {
	due := f.listed + f.patience.List
	for _, l := range f.launches {
		if l.doubtful(f.patience) {
			due = min(due, l.begun+f.patience.Launch)
		}
	}
	if !f.found {
		due = 0
	}
	if f.asked {
		due = max(due, f.askedAt+f.patience.Launch)
	}
	return due
}

// askAgain repeats a launch that was not answered.
func (f *Fleet) askAgain(now time.Duration, l *launch, actions []Action) []Action {
	if now < l.begun+f.patience.Launch || l.doubtful(f.patience) {
		return actions
	}
	l.asks++
	l.begun = now
	return append(actions, Action{Kind: Launch, Token: l.token, Key: l.key, VMs: l.asked})
}

// targets is what is wanted, and none of each other kind that there is.
func (f *Fleet) targets() []Want {
	targets := slices.Clone(f.wants)
	known := map[Key]bool{}
	for _, w := range targets {
		known[w.Key()] = true
	}
	for _, vm := range f.sorted() {
		if vm.State != Ending && !known[vm.Key] {
			known[vm.Key] = true
			targets = append(targets, Want{Stages: vm.Key.Stages, Offer: vm.offer})
		}
	}
	return targets
}

// resume has VMs of a kind serve on that drain, as far as some are missing.
func (f *Fleet) resume(now time.Duration, w Want, actions []Action) []Action {
	have, _ := f.alive(w.Key())
	for _, vm := range f.of(w.Key()) {
		if have < w.VMs && vm.State == Draining && vm.Key == w.Key() && !vm.doomed {
			vm.move(now, Ready)
			actions = append(actions, Action{Kind: Resume, ID: vm.ID})
			have++
		}
	}
	return actions
}

// adjust moves one kind of VM towards what is wanted of it.
func (f *Fleet) adjust(now time.Duration, w Want, actions []Action) []Action {
	have, _ := f.alive(w.Key())
	vms := f.of(w.Key())
	for _, vm := range vms {
		switch {
		case vm.Next != (Key{}): // it is for another kind as well
		case have > w.VMs && vm.State == Booting && f.linger(now, w, vm):
			have-- // it takes no other's place
		case have > w.VMs && vm.State == Booting: // the youngest first
			vm.move(now, Ending)
			actions = f.tell(now, vm, actions)
			have--
		}
	}
	for _, vm := range vms {
		if have > w.VMs && vm.State == Ready && vm.Next == (Key{}) && !f.linger(now, w, vm) {
			vm.move(now, Draining)
			actions = f.tell(now, vm, actions)
			have--
		}
	}
	return f.launch(now, w, w.VMs-have, actions)
}

// launch asks for more VMs, as many as the limits allow.
func (f *Fleet) launch(now time.Duration, w Want, n int, actions []Action) []Action {
	if !f.found || now < f.held(w.Key()) {
		return actions
	}
	if n = min(n, f.room(w.Offer)); n < 1 {
		return actions
	}
	f.next++
	l := &launch{token: fmt.Sprintf("%s-%d", f.name, f.next), key: w.Key(), offer: w.Offer, vms: n, asked: n, asks: 1, first: now, begun: now}
	f.launches[l.token] = l
	return append(actions, Action{Kind: Launch, Token: l.token, Key: l.key, VMs: n})
}

// room is how many VMs of an offer the limits allow beside what there is and what has
// been asked for.
func (f *Fleet) room(o VMOffer) int {
	vms, perHour, first := len(f.vms), 0.0, 0.0
	for _, vm := range f.vms {
		perHour += perHourOf(vm.offer)
	}
	for _, l := range f.launches {
		vms += l.vms
		perHour += float64(l.vms) * perHourOf(l.offer)
		first += float64(l.vms) * l.offer.Cost(0)
	}
	room := f.limits.VMs - vms
	room = min(room, fits(f.limits.PerHour-perHour, perHourOf(o)))
	return min(room, fits(f.limits.PerDay-f.spent.day()-first, o.Cost(time.Second)))
}

// perHourOf is what running one VM longer costs.
func perHourOf(o VMOffer) float64 {
	if o.Market == Committed {
		return 0
	}
	return o.PerHour
}

// fits is how often a price fits into a sum, give or take rounding.
func fits(sum, price float64) int {
	const most = 1 << 30
	if price <= 0 {
		return most
	}
	return int(min(sum/price+1e-9, most))
}

// wake is the earliest time at which Tick has something to do by itself.
func (f *Fleet) wake(now time.Duration) time.Duration {
	wake := min(f.lists(), f.lingers)
	for _, vm := range f.vms {
		wake = min(wake, f.expires(vm))
	}
	for _, l := range f.launches {
		if !l.doubtful(f.patience) {
			wake = min(wake, l.begun+f.patience.Launch)
		}
	}
	for _, all := range []map[Key]*backoff{f.backoff, f.deaths} {
		for _, b := range all {
			if b.until > now {
				wake = min(wake, b.until)
			}
		}
	}
	return wake
}
