package provisioner

import "time"

// Standing is how a fleet stands with one kind of VM.
type Standing struct {
	Asked, Booting, Ready, Draining int  // VMs; Asked are those of launches that have not been answered
	Failing                         bool // the last launch has not brought all that it was to
	Stillborn                       int  // launches in a row of which a VM has ended before it was ready
	Held                            bool // for one of these reasons, for now there is no next launch
	Room                            int  // VMs more that the limits allow
}

// Alive is the VMs that serve, or will.
func (s Standing) Alive() int { return s.Asked + s.Booting + s.Ready }

// Standing is how the fleet stands with VMs of an offer for some stages.
func (f *Fleet) Standing(now time.Duration, w Want) (s Standing) {
	key := w.Key()
	for _, vm := range f.vms {
		if !vm.For(key) {
			continue
		}
		switch vm.State {
		case Booting:
			s.Booting++
		case Ready:
			s.Ready++
		case Draining:
			s.Draining++
		}
	}
	for _, l := range f.launches {
		if l.key == key {
			s.Asked += l.vms
		}
	}
	s.Failing, s.Held = f.backoff[key] != nil, now < f.held(key)
	if b := f.deaths[key]; b != nil {
		s.Stillborn = 1 + b.failures
	}
	s.Room = max(f.room(w.Offer), 0)
	return s
}

// Listed tells whether a list of all VMs has come. Before, nothing is launched.
func (f *Fleet) Listed() bool { return f.found }

// Broke tells whether the limit of dollars a day is reached.
func (f *Fleet) Broke() bool { return f.spent.day() >= f.limits.PerDay }

// linger tells whether a VM that is too many is paid for some time more, and stays for that.
func (f *Fleet) linger(now time.Duration, w Want, vm *VM) bool {
	until := vm.Launched + w.Offer.Minimum - w.Linger
	if w.Linger <= 0 || now >= until {
		return false
	}
	f.lingers = min(f.lingers, until)
	return true
}
