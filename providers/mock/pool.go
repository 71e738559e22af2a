package mock

import "time"

// Calls counts the calls of a function.
type Calls struct {
	Warm, Cold int // that have begun, by whether an instance was there
	Throttled  int // that were refused
	Running    int // that have begun and not ended
}

// pool is the instances of one function. An idle one is used last in, first out, so
// that those of a past peak expire.
//
// Idle has when each became idle, which never decreases: if the last has expired, all
// have. An instance is only made if none is idle, so there are never more of them than
// calls have run at once, beside those of the start.
type pool struct {
	Calls
	idle []time.Duration
}

// take begins a call, and tells whether an instance was warm.
func (p *pool) take(now, keepAlive time.Duration) (warm bool) {
	p.Running++
	last := len(p.idle) - 1
	if last < 0 || keepAlive > 0 && now-p.idle[last] >= keepAlive {
		p.idle = p.idle[:0]
		p.Cold++
		return false
	}
	p.idle = p.idle[:last]
	p.Warm++
	return true
}

// put ends a call.
func (p *pool) put(now time.Duration) {
	p.Running--
	p.idle = append(p.idle, now)
}
