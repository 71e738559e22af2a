package balancer

import "time"

// leave keeps the time that the rest of the way is expected to take behind a place: of the
// requests that go on there, as many as have lately, what those behind it take now. What is out
// of reach anyway counts as all that remains, so that a few that go on to a stage that is flooded
// are no reason to turn away the many that do not.
func (a *Ask) leave(t *table, p *Place) {
	v := p.view()
	share := v.passed()
	if share < passLeast || a.Remaining == Never || a.Without&Downstream != 0 {
		return
	}
	a.Remaining -= time.Duration(share * float64(min(v.behind(a, t, p.member), a.Remaining)))
}

// The places behind a group are looked up by one request in so many, or if nobody has for a
// while.
const (
	behindEvery = 16
	behindStale = 100 * time.Millisecond
)

// behind is what a request that goes on behind a member's group is expected to take from there.
func (v *groupView) behind(a *Ask, t *table, m *member) time.Duration {
	last := time.Duration(v.looked.Load())
	if a.Random>>16%behindEvery != 0 && last != 0 && a.Now < last+behindStale {
		return time.Duration(v.rest.Load())
	}
	rest := t.behind(*a, m)
	v.rest.Store(int64(rest))
	v.looked.Store(int64(max(a.Now, 1)))
	return rest
}

// behind adds up the groups behind a member's.
func (t *table) behind(a Ask, m *member) (rest time.Duration) {
	a.Late = true // no trials
	for share := 1.0; share >= passLeast; {
		a.Stage = m.Stages.Last + 1
		c := t.at(a.Generation, a.Stage)
		if c == nil {
			break
		}
		var s looked
		s.find(&a, c)
		p := s.at(s.vm)
		if f := s.at(s.function); p == nil || f != nil && f.Finish < p.Finish {
			p = f
		}
		if p == nil { // nothing takes it now
			return Never / 4
		}
		rest = min(rest+time.Duration(share*float64(p.Finish)), Never/4)
		m, share = p.member, share*p.view().passed()
	}
	return rest
}
