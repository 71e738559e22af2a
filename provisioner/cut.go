package provisioner

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
	for _, w := range targets { // what is not wanted goes anyway
		n := f.count(w.Key())
		vms, perHour = vms-n, perHour-float64(n)*perHourOf(w.Offer)
	}
	for i := range targets {
		w := &targets[i]
		stay := 0
		for n := min(f.count(w.Key()), w.VMs); stay < n && f.within(vms+1, perHour+perHourOf(w.Offer)); stay++ {
			vms, perHour = vms+1, perHour+perHourOf(w.Offer)
		}
		w.VMs, w.Linger = stay, 0
	}
}

// count is the VMs of a kind that there are or will be, and do not end.
func (f *Fleet) count(k Key) (n int) {
	for _, vm := range f.vms {
		if vm.Key == k && vm.State != Ending {
			n++
		}
	}
	for _, l := range f.launches {
		if l.key == k {
			n += l.vms
		}
	}
	return n
}

// within tells whether the limits allow so much, give or take rounding.
func (f *Fleet) within(vms int, perHour float64) bool {
	return vms <= f.limits.VMs && perHour <= f.limits.PerHour+1e-9
}
