package brownout

import (
	"fmt"
	"time"
)

// Snapshot is what is left of the budget, as plain data that JSON keeps exactly.
type Snapshot struct {
	Earned []int64       // and not spent, in millionths of a point, by 24ths of the period, oldest first
	Calm   time.Duration // to be waited for before a step back
}

// Snapshot copies what is to outlive a restart. The step in force is not: it starts as usual.
func (b *Brownout) Snapshot(now time.Duration) Snapshot {
	b.budget.advance(now)
	s := Snapshot{Calm: b.calm}
	for i := range int64(slots) {
		s.Earned = append(s.Earned, b.budget.earned[(b.budget.number+1+i)%slots])
	}
	return s
}

// Restore goes on from a snapshot, which may be from a brownout whose time had another origin. The time in
// between does not count towards the period, and a 24th of the period is lost. A snapshot that holds
// numbers which cannot be is refused, and changes nothing: start afresh then.
func (b *Brownout) Restore(now time.Duration, s Snapshot) error {
	if len(s.Earned) != slots || s.Calm < 0 {
		return fmt.Errorf("%w: not of a budget, or a calm of %v: start afresh", ErrSnapshot, s.Calm)
	}
	budget := newBudget(b.config)
	budget.advance(now)
	// The new slots begin elsewhere in time. So each counts as older than it may be.
	for i, earned := range s.Earned[1:] {
		if earned < 0 || budget.total+earned < budget.total {
			return fmt.Errorf("%w: %d earned: start afresh", ErrSnapshot, earned)
		}
		budget.earned[(budget.number+1+int64(i))%slots] = earned
		budget.total += earned
	}
	b.budget = budget
	b.calm = max(b.config.Calm, min(s.Calm, longestCalm))
	return nil
}
