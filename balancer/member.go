package balancer

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// smoothing is the weight of one reply in a member's speed: an EWMA over some twenty.
const smoothing = 0.1

// member is a Member and what is known of it, on each core.
type member struct {
	Member
	generations []uint64
	loads       []load // by core
}

// load is what the requests of one core have shown of a member. It fills a cache line, so
// that cores that pick at once do not wait for each other's.
type load struct {
	serving  atomic.Int64  // requests of this core
	seen     atomic.Int64  // requests of the other cores, when they were last counted
	others   atomic.Int64  // requests of other balancers, when the member last said so
	slowness atomic.Uint64 // of float64: measured service time over expected
	_        [32]byte
}

func newMember(m Member, cores int) *member {
	m.Service = slices.Clone(m.Service)
	m.Batch = max(m.Batch, 1)
	if m.Longest == nil {
		m.Longest = m.Service
	}
	m.Longest = slices.Clone(m.Longest)
	n := &member{Member: m, loads: make([]load, cores)}
	for i := range n.loads {
		n.loads[i].slowness.Store(math.Float64bits(1))
	}
	return n
}

// serving is the number of requests in the member's hands, of all cores.
func (m *member) serving() (sum int64) {
	for i := range m.loads {
		sum += m.loads[i].serving.Load()
	}
	return sum
}

// countOthers counts the requests of the other cores, whose cache lines it takes time to
// get.
func (m *member) countOthers(core int) {
	if len(m.loads) > 1 {
		l := &m.loads[core]
		l.seen.Store(m.serving() - l.serving.Load())
	}
}

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

// at is the member as the place of one more request, which enters at the stage. It takes
// its own service time, and before that a share of those of the batches that are in its
// way, taken as full.
func (m *member) at(stage, core int) Place {
	l := &m.loads[core]
	slowness := math.Float64frombits(l.slowness.Load())
	i := stage - m.Stages.First
	service, wait := float64(m.Service[i])*slowness, 0.0
	if m.Kind == VM {
		batches := (l.serving.Load()+l.seen.Load()+l.others.Load())/int64(m.Batch) + 1
		wait = service * float64(max(batches-int64(m.Slots), 0)) / float64(m.Slots)
	}
	travel := float64(m.Travel)
	return Place{
		member: m,
		core:   core,
		Finish: duration(wait + service + travel),
		latest: duration(wait + float64(m.Longest[i])*slowness + travel),
	}
}

// duration keeps what is longer than any run from overflowing.
func duration(ns float64) time.Duration { return time.Duration(min(ns, float64(Never/4))) }

// untried tells whether a VM has nothing of ours in hand, and would be in time if it were
// as it was described: only a reply could correct what is thought of it, and without a
// request none will come.
func (m *member) untried(a Ask) bool {
	l := &m.loads[a.Core]
	return l.serving.Load()+l.seen.Load() == 0 && m.Service[a.Stage-m.Stages.First] <= a.Remaining-m.Travel
}

// full tells whether a function is at its limit of concurrent calls. Two requests that
// ask at once may both pass; the cloud refuses the second.
func (m *member) full() bool {
	return m.Slots > 0 && int(m.serving()) >= m.Slots
}

// learn takes in how a measured service time compares with the expected one. Of two
// replies at once one may be lost. What stays as it is is not written, here and below,
// which would take the cache line from other cores.
func (l *load) learn(ratio float64) {
	if old := math.Float64frombits(l.slowness.Load()); ratio != old {
		l.slowness.Store(math.Float64bits(old + smoothing*(ratio-old)))
	}
}

// hear takes in how many requests of other balancers the member has.
func (l *load) hear(others int64) {
	if l.others.Load() != others {
		l.others.Store(others)
	}
}
