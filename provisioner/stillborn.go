package provisioner

import "time"

// backoff holds launches of a kind back, twice as long after each failure.
type backoff struct {
	failures int
	last     time.Duration // the last failure
	until    time.Duration
}

// held is until when nothing of a kind is launched: since launches of it have failed, or VMs of it
// have ended while they booted.
func (f *Fleet) held(k Key) (until time.Duration) {
	for _, b := range []*backoff{f.backoff[k], f.deaths[k]} {
		if b != nil {
			until = max(until, b.until)
		}
	}
	return until
}

// failed holds back the next launch of a kind, twice as long as the last time.
func (f *Fleet) failed(now time.Duration, k Key) {
	b := f.backoff[k]
	if b == nil {
		b = &backoff{}
		f.backoff[k] = b
	}
	b.until = now + f.patience.pause(b.failures)
	b.failures++
}

// stillborn is a VM that has ended, or was given up, while it booted. It is replaced at once the
// first time, and then after pauses that double until one of its kind is ready: what cannot start
// is not started, and paid, over and over. VMs of one launch that all die are one failure.
func (f *Fleet) stillborn(now time.Duration, vm *VM) {
	if !f.ours(vm.Token) { // an earlier program's may be of no use for other reasons
		return
	}
	b := f.deaths[vm.Key]
	switch {
	case b == nil:
		f.deaths[vm.Key] = &backoff{last: now}
	case vm.Launched >= b.last:
		b.last, b.until = now, now+f.patience.pause(b.failures)
		b.failures++
	}
}

// pause is that after so many failures before.
func (p Patience) pause(failures int) time.Duration { return p.Retry << min(failures, 6) }
