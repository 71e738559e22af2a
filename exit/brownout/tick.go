package brownout

import "time"

// longestCalm is what the while before a step back may grow to.
const longestCalm = time.Hour

// Tick takes the share of requests, of late, that were shed or are expected to be late, and tells
// whether the step has changed. Give it every second or so. A share that is not a number counts as neither high nor low.
func (b *Brownout) Tick(now time.Duration, overload float64) (changed bool) {
	b.budget.advance(now)
	b.measure(now)
	if b.config.Budget == 0 {
		return false
	}
	before := b.step
	if overload > b.config.High {
		b.looser(now)
	}
	b.milder(now, overload <= b.config.Low)
	return b.step != before
}

// measure is the rate at which requests come. The latest is what counts: in an overload it is high.
func (b *Brownout) measure(now time.Duration) {
	if elapsed := now - b.ticked; elapsed > 0 {
		b.rate = float64(b.requests) / elapsed.Seconds()
		b.requests, b.ticked = 0, now
	}
}

// looser goes on by one step, once the last one has had time to show and if the budget lasts for
// a while. If a milder step has not been enough for long, the next one is kept for longer.
func (b *Brownout) looser(now time.Duration) {
	next, since := b.step+1, now-b.changed
	if next >= len(b.cost) || b.ever && since < b.settle() || !b.lasts(next) {
		return
	}
	switch {
	case b.ever && b.fell && since < 2*b.calm:
		b.calm = max(b.config.Calm, min(2*b.calm, longestCalm))
	case b.step == 0 && since >= longestCalm:
		b.calm = b.config.Calm
	}
	b.spent = false
	b.move(now, next)
}

// settle is how long a step is kept before a looser one. A budget that has run out is given a while.
func (b *Brownout) settle() time.Duration {
	if b.spent {
		return max(b.config.Settle, b.calm)
	}
	return b.config.Settle
}

// lasts holds if the budget pays for a step for a while, were no more to come in.
func (b *Brownout) lasts(step int) bool {
	requests := max(b.rate*b.calm.Seconds(), 1)
	return float64(b.budget.total) >= float64(b.cost[step])*requests
}

// milder goes back by one step when it has been calm for a while.
func (b *Brownout) milder(now time.Duration, calm bool) {
	if !calm {
		b.calmNow = false
		return
	}
	if !b.calmNow {
		b.calmNow, b.calmFrom = true, now
	}
	if b.step > 0 && now-max(b.calmFrom, b.changed) >= b.calm {
		b.move(now, b.step-1)
	}
}

func (b *Brownout) move(now time.Duration, step int) {
	b.fell, b.ever = step < b.step, true
	b.step, b.changed = step, now
}
