package provisioner

import (
	"cmp"
	"slices"
	"time"
)

// A VM holds the whole model, and is told what to serve: at a re-plan one that is there is worth a launch, which
// would take a minute and be paid beside it. What a VM may be moved to is any kind of its own offer that is wanted:
// whoever wants a kind has seen to it that the offer has the memory for its stages.
//
//   - One of a kind that requests are moving away from (Want.Leaving) serves Next beside it, and counts for both: until
//     requests have moved it has nothing to do there, and afterwards nothing here.
//   - Once its Key is wanted no more, Next is what it is for; once Next is not, as when the other plan has been given
//     up, it is as before.
//   - One of a kind that is not wanted at all is moved at once. So is one of an earlier run that there are too many of,
//     before it has come to serve: its tags say what it was launched for, and not to what it may have been moved since.

// For tells whether a VM serves a kind, or will.
func (vm *VM) For(k Key) bool { return vm.Key == k || vm.Next == k }

// Unfit is a VM that cannot be made to serve the kind that Tick has moved it to. It stays what else it is for, and is
// moved no more; if it is for nothing else, it is drained and ended. Either way another takes its place there.
func (f *Fleet) Unfit(now time.Duration, id string, k Key) {
	switch vm := f.vms[id]; {
	case vm == nil:
	case vm.Next == k:
		vm.Next, vm.unfit = Key{}, true
	case vm.Key == k:
		vm.doom(now)
	}
}

// wanted is the first of all targets, those that are wanted, by their kind.
func (f *Fleet) wanted(targets []Want) map[Key]Want {
	wants := map[Key]Want{}
	for _, w := range targets[:len(f.wants)] {
		wants[w.Key()] = w
	}
	return wants
}

// reuse moves VMs to kinds that some are missing of.
func (f *Fleet) reuse(targets []Want, actions []Action) []Action {
	wants := f.wanted(targets)
	for _, vm := range f.sorted() {
		actions = vm.arrive(wants, actions)
	}
	for _, w := range targets[:len(f.wants)] {
		all, alone := f.alive(w.Key())
		missing := w.VMs - all
		if missing <= 0 {
			actions = f.take(all-alone-w.VMs, w, actions) // those that are for nothing else are ended first
			continue
		}
		for _, vm := range f.spares(w, wants) {
			if missing--; missing < 0 {
				break
			}
			if from, ok := wants[vm.Key]; ok && from.Leaving {
				vm.Next = w.Key()
			} else {
				vm.Key = w.Key()
			}
			actions = append(actions, Action{Kind: Move, ID: vm.ID, Key: w.Key()})
		}
	}
	return actions
}

// arrive ends a VM's being for two kinds, once it is for one.
func (vm *VM) arrive(wants map[Key]Want, actions []Action) []Action {
	if vm.Next == (Key{}) || vm.State > Ready {
		return actions
	}
	from, stays := wants[vm.Key]
	_, goes := wants[vm.Next]
	switch {
	case goes && stays && from.Leaving:
		return actions
	case goes && !stays:
		vm.Key = vm.Next
	}
	vm.Next = Key{}
	return append(actions, Action{Kind: Move, ID: vm.ID, Key: vm.Key})
}

// alive is the VMs for a kind that serve, or will, and those of them that are for nothing else.
func (f *Fleet) alive(k Key) (all, alone int) {
	for _, l := range f.launches {
		if l.key == k {
			all, alone = all+l.vms, alone+l.vms
		}
	}
	for _, vm := range f.vms {
		if vm.State <= Ready && vm.For(k) {
			if all++; vm.Next == (Key{}) {
				alone++
			}
		}
	}
	return all, alone
}

// take has so many VMs not be for a kind after all that are for another one too.
func (f *Fleet) take(n int, w Want, actions []Action) []Action {
	for _, vm := range f.of(w.Key()) {
		if n > 0 && vm.Next == w.Key() && vm.State <= Ready {
			vm.Next = Key{}
			actions = append(actions, Action{Kind: Move, ID: vm.ID, Key: vm.Key})
			n--
		}
	}
	return actions
}

// spares are the VMs that may take the place of one that is missing: first those that nobody wants as they are, those
// that serve, and those that were launched first.
func (f *Fleet) spares(w Want, wants map[Key]Want) (spares []*VM) {
	if w.Leaving {
		return nil
	}
	taken := map[Key]int{}
	for _, vm := range f.sorted() {
		if vm.Key.Offer != w.Offer.Name || vm.For(w.Key()) || vm.Next != (Key{}) || vm.unfit || vm.State > Ready {
			continue
		}
		from, wanted := wants[vm.Key]
		there, _ := f.alive(vm.Key)
		if !wanted || from.Leaving || vm.State == Booting && !f.ours(vm.Token) && there-taken[vm.Key] > from.VMs {
			spares = append(spares, vm)
			taken[vm.Key]++
		}
	}
	worse := func(vm *VM) int {
		if _, wanted := wants[vm.Key]; wanted {
			return 1
		}
		return 0
	}
	slices.SortFunc(spares, func(a, b *VM) int {
		return cmp.Or(worse(a)-worse(b), cmp.Compare(b.State, a.State), cmp.Compare(a.Launched, b.Launched), cmp.Compare(a.ID, b.ID))
	})
	return spares
}
