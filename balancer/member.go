package balancer

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// member is a Member in the generations in which it serves the same stages, and where it is written what
// is known of it.
type member struct {
	Member
	generations []uint64
	group       *group
	block       *block
	index       int
	views       []view  // its block's
	times       []times // by stage of its range
	each        float64 // one over its slots
	travel      float64
}

// times are those of a stage, in nanoseconds.
type times struct {
	service, longest, soonest float64
	even                      bool
	door                      bool    // see door
	until                     float64 // the times of the stages before it in the range, and its own; 0 if they are not known
}

func newMember(m Member) *member {
	m.Service = slices.Clone(m.Service)
	m.Batch = max(m.Batch, 1)
	if m.Longest == nil {
		m.Longest = m.Service
	}
	m.Longest = slices.Clone(m.Longest)
	if m.Soonest == nil {
		m.Soonest = make([]time.Duration, len(m.Service))
	}
	m.Soonest, m.Each = slices.Clone(m.Soonest), slices.Clone(m.Each)
	n := &member{Member: m, times: make([]times, len(m.Service)), each: 1 / float64(max(m.Slots, 1)), travel: float64(m.Travel)}
	for i := range n.times {
		n.times[i] = times{service: float64(m.Service[i]), longest: float64(m.Longest[i]), soonest: float64(m.Soonest[i])}
		if m.Each != nil {
			n.times[i].until = n.path(0, i-1) + float64(m.Each[i])
		}
	}
	for i := len(n.times) - 1; i >= 0; i-- {
		n.times[i].even = i == len(n.times)-1 || n.times[i+1].even && n.times[i].service >= n.times[i+1].service
	}
	for i := range n.times {
		n.times[i].door = door(m.Service[i:])
	}
	return n
}

// describes tells whether a member that serves the same stages is described in the same way.
func (m *member) describes(n *member) bool {
	return m.Slots == n.Slots && m.Batch == n.Batch && m.Once == n.Once &&
		m.Travel == n.Travel && m.Cold == n.Cold && m.KeepAlive == n.KeepAlive && m.Supposed == n.Supposed && slices.Equal(m.Service, n.Service) &&
		slices.Equal(m.Longest, n.Longest) && slices.Equal(m.Soonest, n.Soonest) && slices.Equal(m.Each, n.Each)
}

// shares has a member count where the same one counts that serves other stages.
func (m *member) shares(with *member) { m.block, m.index, m.views = with.block, with.index, with.views }

// replaces describes a member anew. Requests under way and picks on other cores still read
// the old description, so that one stays as it is; they count where the new one looks.
func (m *member) replaces(old *member) {
	m.shares(old)
	m.generations, m.group = old.generations, old.group
	if !slices.Equal(old.Service, m.Service) {
		m.block.unlearn(m.index)
	}
}

// known is what a core's requests have shown of the member, and how many it serves.
func (m *member) known(core int) (k *known, serving *atomic.Int32) {
	v := &m.block.views[core]
	return &v.known[m.index], &v.serving[m.index]
}

// serving is the number of requests in the member's hands, of all cores.
func (m *member) serving() int { return int(m.block.serving(m.index)) }

// join and leave say whether they have changed anything.
func (m *member) join(generation uint64) bool {
	if slices.Contains(m.generations, generation) {
		return false
	}
	m.generations = append(m.generations, generation)
	return true
}

func (m *member) leave(generation uint64) bool {
	i := slices.Index(m.generations, generation)
	if i >= 0 {
		m.generations = slices.Delete(m.generations, i, i+1)
	}
	return i >= 0
}

// at makes p the member as the place of one more request, which enters at the stage. The
// requests in hand are spread over the slots, in batches as large as they make them, and each
// takes its batch's time; those ahead come first.
func (m *member) at(p *Place, a *Ask) {
	v := &m.views[a.Core]
	k, t := &v.known[m.index], &m.times[a.Stage-m.Stages.First]
	slowness := math.Float64frombits(k.slowness.Load())
	hand := int(v.serving[m.index].Load()) + int(k.seen.Load()) + int(k.others.Load())
	service, travel, wait, company := t.service*slowness, m.travel, 0.0, 1.0
	if t.until > 0 {
		service *= m.group.views[a.Core].depth()
	}
	p.cold, p.keep, p.caught, p.hopes = false, false, false, false
	switch {
	case m.Kind == VM:
		if hand >= m.Slots {
			wait, company = m.busy(service, hand)
		}
	case m.Cold > 0 && hand >= m.instances(a.Now):
		p.cold = true
		travel += float64(m.Cold)
	}
	p.member, p.core, p.hand = m, int32(a.Core), int32(min(hand, math.MaxInt32))
	p.Finish = duration(wait + service*company + travel)
	p.wait = duration(wait)
	p.alone = duration(t.longest*slowness*company + travel)
}

// path is the expected time of the stages from one to another of the range, or 0.
func (m *member) path(from, to int) float64 {
	if to < from {
		return 0
	}
	if from == 0 {
		return m.times[to].until
	}
	return m.times[to].until - m.times[from-1].until
}

// hedge is the price of sending a request to the member once more, at a stage. Those that take
// long are those that go deep, so it is what they take, in requests.
func (m *member) hedge(stage int) int64 {
	t := m.times[stage-m.Stages.First]
	return int64(price * min(max(t.longest/t.service, 1), mostHedge/price))
}

// busy is how long a request waits that finds so many at a VM, and how much longer than alone
// it takes in company.
func (m *member) busy(service float64, hand int) (wait, company float64) {
	each := float64(hand+1) * m.each
	if m.Batch == 1 {
		return service * (each - 1), 1
	}
	batch := min(each, float64(m.Batch))
	company = m.Once + (1-m.Once)*batch
	return service * company * (each/batch - 1), company
}

// duration keeps what is longer than any run from overflowing.
func duration(ns float64) time.Duration { return time.Duration(min(ns, float64(Never/4))) }

// toTry tells whether a VM that seems worse than another place, which would be done by then,
// or too slow, is to have a request all the same: because it has nothing of ours in hand, and
// would be in time and no worse if it were as it was described. Only a reply could correct what
// is thought of it, and without a request none will come.
func (m *member) toTry(a *Ask, then time.Duration) bool {
	if !a.trial() {
		return false
	}
	k, serving := m.known(a.Core)
	described := duration(float64(m.Service[a.Stage-m.Stages.First]) + float64(m.Travel))
	return serving.Load()+k.seen.Load() == 0 && described <= min(a.Remaining, then)
}

// full tells whether a function is at its limit of concurrent calls, the one described or
// the one that its refusals have shown. Two requests that ask at once may both pass; the
// cloud refuses the second.
func (m *member) full(without Mechanism) bool {
	room := unlimited
	if without&Concurrency == 0 {
		room = m.health().limit()
	}
	if m.Slots > 0 {
		room = min(room, m.Slots)
	}
	return room < unlimited && m.serving() >= room
}
