package balancer

import (
	"math"
	"time"
)

// Report is what a visit to a place came to. What is not known is zero, but for Load, which
// then is negative.
type Report struct {
	Entered int           // stage
	Service time.Duration // the place worked on it, without waiting; not if it was handed back on the way
	Load    int           // requests that the place still had, whoever sent them
	Took    time.Duration // from the pick until the reply
	Passed  bool          // it goes on behind the place's last stage
	Last    int           // stage that it ran; matters if Service is known, and the member has Each
}

// Done reports that a request is no longer in a member's hands; call it, or Fail, once for
// each Pick. What the member has said corrects what is expected of it.
func (b *Balancer) Done(p Place, r Report) { b.done(&p, &r) }

func (b *Balancer) done(p *Place, r *Report) {
	k, serving := p.member.known(int(p.core))
	mine := int(serving.Add(-1) + k.seen.Load())
	m := p.member
	if r.Service > 0 && m.Stages.Has(r.Entered) {
		b.learn(p, r, k)
	}
	if r.Load >= 0 {
		k.hear(int32(min(max(r.Load-mine, 0), math.MaxInt32)))
	}
	if r.Took <= 0 {
		return
	}
	view := p.view()
	view.learnTail(r.Took, p.latest())
	if r.Service > 0 { // it went all the way
		view.learnPass(r.Passed)
	}
	m.health().recover(m)
	m.health().grow(m, int(p.hand))
}

// learn takes in how long a member has worked on a request. Of a batch's time, what others'
// company made of it is left out.
func (b *Balancer) learn(p *Place, r *Report, k *known) {
	m := p.member
	entered := r.Entered - m.Stages.First
	expected := m.times[entered].service
	if m.Stages.Has(r.Last) {
		if path := m.path(entered, r.Last-m.Stages.First); path > 0 {
			p.view().learnDepth(path / expected)
			expected = path
		}
	}
	company := 1.0
	if m.Kind == VM && int(p.hand) >= m.Slots {
		_, company = m.busy(1, int(p.hand))
	}
	k.learn(float64(r.Service) / (expected * company))
}

// Fault is why a place has not done its part.
type Fault uint8

// The faults.
const (
	Nothing Fault = iota // it was the request that was at fault, or its caller has gone
	Full                 // it takes no more, or handed the request back unserved
	Silent               // it did not reply in its time
	Broken
)

// Fail reports instead of Done that a request is no longer in a member's hands and has not
// been served there.
func (b *Balancer) Fail(p Place, now time.Duration, f Fault) {
	_, serving := p.member.known(int(p.core))
	serving.Add(-1)
	m := p.member
	switch f {
	case Full:
		m.health().shrink(m, now, p.Finish, int(p.hand))
	case Silent:
		p.view().learnTail(math.MaxInt64, 0)
		b.fails(m, now)
	case Broken:
		b.fails(m, now)
	}
}

// overdue notes that a place still has a request whose time is over, after more time than such requests
// seldom exceed. Where deadlines come before a place's patience is at an end, nothing else would tell that
// it is stuck or slow. Of a request that had to wait for others it tells nothing: it may be these.
func (b *Balancer) overdue(p *Place, now, took time.Duration) {
	if p.idle() && took > p.latest() {
		b.fails(p.member, now)
	}
}

// unserved notes that a place has handed a request back that it has not begun, though it had nothing else
// to do and was expected to be in time: either it is slower than it is said to be, or what is said is wrong.
func (b *Balancer) unserved(p *Place, now, took time.Duration) {
	if p.idle() && (p.member.Kind == VM && !p.hopes || took > p.latest()) {
		b.fails(p.member, now)
	}
}

// idle tells whether the place had room for the request to be begun at once.
func (p *Place) idle() bool { return p.member.Kind == Function || int(p.hand) < p.member.Slots }
