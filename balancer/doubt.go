package balancer

import (
	"math"
	"time"
)

// At a VM that has too much to do, some of the requests ahead of a new one will be given up, so it
// waits for less than all of them: at least for this part. Sheddable requests have that much more doubt.
const (
	leastDoubt     = 0.5
	mostDoubt      = 8
	sheddableDoubt = 1.5
)

// doubtStep is that of the doubt, and mostLost the part of the requests which are sent to VMs that
// may be late there: what they have had done for them is lost, and others could have used it. Fewer
// are not worth while, for some are late at any load.
const doubtStep, mostLost = 0.02, 0.05

// learnDoubt takes in whether a request was late at a VM. What is expected of those ahead is
// multiplied by the doubt, until only so many are: the others are then shed before they begin, and
// what is begun is mostly finished. A VM that has nothing to do takes any request, so it is busy
// however great the doubt.
func (v *groupView) learnDoubt(missed bool) {
	old := math.Float64frombits(v.doubts.Load())
	next := old * (1 - doubtStep*mostLost)
	if missed {
		next = old * (1 + doubtStep*(1-mostLost))
	}
	if next = min(max(next, leastDoubt), mostDoubt); next != old {
		v.doubts.Store(math.Float64bits(next))
	}
}

// doubt is what the time of those ahead of a request is multiplied by at a VM.
func (p *Place) doubt(a *Ask) float64 {
	if m := p.member; !m.times[a.Stage-m.Stages.First].door {
		return leastDoubt
	}
	return math.Float64frombits(p.view().doubts.Load())
}

// deeperTimes is how many times as much a request may need that has got on as one that has not.
const deeperTimes = 1.1

// door tells whether requests are best turned away before their first stage, given what they are
// expected to take from each stage on: a request at any later one then needs no more work for its
// answer than a new one. Where a late stage is the expensive one, a new request that leaves before it
// is worth more than one that has got there, and which of them it is shows only on the way.
func door(service []time.Duration) bool {
	for _, s := range service {
		if float64(s) > deeperTimes*float64(service[0]) {
			return false
		}
	}
	return true
}

// learnFate takes in whether a request was late at a VM. Only if others were ahead of it is that a
// reason to doubt that those are given up, and only if it was expected to be in time is it one to send
// others elsewhere, until no more than a share is late. Any answer is a reason not to, or what is never
// tried would be doubted for ever.
func (p *Place) learnFate(missed bool, share float64) {
	if !missed || int(p.hand) >= p.member.Slots {
		p.view().learnDoubt(missed)
	}
	if !p.hopes && (missed || p.pressed) {
		p.view().learnMiss(missed, share)
	}
}
