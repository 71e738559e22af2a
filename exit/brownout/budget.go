package brownout

import "time"

// slots are the parts of the period after which what was earned in them is forgotten.
const slots = 24

// budget is a token bucket that each request fills by a little and some draw from. What
// was earned first is spent first, and what is not spent in a period is gone.
type budget struct {
	perRequest int64
	slot       time.Duration // length
	number     int64         // of the current slot
	earned     [slots]int64  // and not spent, in the current slot and those before
	total      int64         // of these
}

func newBudget(c Config) budget {
	return budget{perRequest: earned(c.Budget), slot: c.Period / slots}
}

// earn is a request's.
func (b *budget) earn() {
	b.earned[b.number%slots] += b.perRequest
	b.total += b.perRequest
}

// advance forgets slots before their first request is a period old.
func (b *budget) advance(now time.Duration) {
	number := int64(now / b.slot)
	if number-b.number >= slots {
		b.earned, b.total, b.number = [slots]int64{}, 0, number
	}
	for b.number < number {
		b.number++
		oldest := &b.earned[b.number%slots]
		b.total -= *oldest
		*oldest = 0
	}
}

// spend takes the oldest first. It takes nothing if there is too little.
func (b *budget) spend(cost int64) bool {
	if cost > b.total {
		return false
	}
	b.total -= cost
	for i := b.number + 1; cost > 0; i++ {
		oldest := &b.earned[i%slots]
		part := min(cost, *oldest)
		*oldest -= part
		cost -= part
	}
	return true
}
