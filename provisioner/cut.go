package provisioner

import "slices"

// cut lowers what is wanted where there are more VMs than the limits allow, as when those of an earlier program are
// adopted under lower limits, or a price has risen: of what is wanted last first. VMs that drain count, or they would
// be resumed for those that are drained.
func (f *Fleet) cut(targets []Want) {
	vms, perHour := 0, 0.0
	for _, vm := range f.vms {
		if vm.State != Ending {
			vms, perHour = vms+1, perHour+perHourOf(vm.offer)
		}
	}
	for _, l := range f.launches {
		vms, perHour = vms+l.vms, perHour+float64(l.vms)*perHourOf(l.offer)
	}
	if f.within(vms, perHour) {
		return
	}
	for _, vm := range f.vms { // what is not wanted goes anyway, but for launches that nobody can take back
		if vm.State != Ending {
			vms, perHour = vms-1, perHour-perHourOf(vm.offer)
		}
	}
	for _, l := range f.launches {
		if slices.ContainsFunc(targets, func(w Want) bool { return w.Key() == l.key }) {
			vms, perHour = vms-l.vms, perHour-float64(l.vms)*perHourOf(l.offer)
		}
	}
	wants, stays := f.wanted(targets), map[*VM]bool{}
	for i := range targets {
		w, n, each := &targets[i], 0, perHourOf(targets[i].Offer)
		for _, vm := range slices.Concat(f.of(w.Key()), f.spares(*w, wants)) {
			if n < w.VMs && (stays[vm] || f.within(vms+1, perHour+each)) {
				if n++; !stays[vm] { // else it is there for what is wanted before, too
					stays[vm], vms, perHour = true, vms+1, perHour+each
				}
			}
		}
		for _, l := range f.launches {
			for asked := 0; l.key == w.Key() && asked < l.vms && n < w.VMs && f.within(vms+1, perHour+each); asked++ {
				n, vms, perHour = n+1, vms+1, perHour+each
			}
		}
		w.VMs, w.Linger = n, 0
	}
}

// of is the VMs for a kind that do not end.
func (f *Fleet) of(k Key) []*VM {
	return slices.DeleteFunc(f.sorted(), func(vm *VM) bool { return !vm.For(k) || vm.State == Ending })
}

// within tells whether the limits allow so much, give or take rounding.
func (f *Fleet) within(vms int, perHour float64) bool {
	return vms <= f.limits.VMs && perHour <= f.limits.PerHour+1e-9
}
