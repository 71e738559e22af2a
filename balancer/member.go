package balancer

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// smoothing is the weight of one reply in a member's speed: an EWMA over some twenty.
const smoothing = 0.1

// member is a Member and what is known of it.
type member struct {
	Member
	generations []uint64
	*load
}

// load is what Pick and Done write. It fills a cache line, which Go then allocates as
// one, so that requests to different members do not wait for each other.
type load struct {
	serving  atomic.Int64  // for this balancer
	others   atomic.Int64  // requests that the member had beside those, when it last said so
	slowness atomic.Uint64 // of float64: measured service time over expected
	_        [40]byte
}

func newMember(m Member) *member {
	m.Service = slices.Clone(m.Service)
	m.Batch = max(m.Batch, 1)
	if m.Longest == nil {
		m.Longest = m.Service
	}
	m.Longest = slices.Clone(m.Longest)
	n := &member{Member: m, load: new(load)}
	n.slowness.Store(math.Float64bits(1))
	return n
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
func (m *member) at(stage int) Place {
	slowness := math.Float64frombits(m.slowness.Load())
	i := stage - m.Stages.First
	service, wait := float64(m.Service[i])*slowness, 0.0
	if m.Kind == VM {
		batches := (m.serving.Load()+m.others.Load())/int64(m.Batch) + 1
		wait = service * float64(max(batches-int64(m.Slots), 0)) / float64(m.Slots)
	}
	return Place{
		member: m,
		Finish: time.Duration(wait+service) + m.Travel,
		latest: time.Duration(wait+float64(m.Longest[i])*slowness) + m.Travel,
	}
}

// full tells whether a function is at its limit of concurrent calls. Two requests that
// ask at once may both pass; the cloud refuses the second.
func (m *member) full() bool {
	return m.Slots > 0 && int(m.serving.Load()) >= m.Slots
}

// learn takes a measured service time in. Of two replies at once one may be lost. What
// stays as it is is not written, which would take the cache line from other cores.
func (m *member) learn(stage int, service time.Duration, others int64) {
	old := math.Float64frombits(m.slowness.Load())
	seen := float64(service) / float64(m.Service[stage-m.Stages.First])
	if seen != old {
		m.slowness.Store(math.Float64bits(old + smoothing*(seen-old)))
	}
	if m.others.Load() != others {
		m.others.Store(others)
	}
}
