package balancer

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// warm is how many instances of a function there seem to be: as many as calls ran at one time
// within the time that an instance is kept, of which half an age ago counts as well as now.
type warm struct {
	age         atomic.Int64 // number of the half that is running, and one
	most, older atomic.Int32 // calls at one time, in this half and the one before it

	until atomic.Int64  // when instances that were called to be kept are no more
	held  atomic.Int32  // how many those are
	peak  float64       // calls at one time, and what is left of it: see Balancer.Warm
	seen  time.Duration // when that was looked at
}

const keepAlive = 5 * time.Minute

func (m *member) keepAlive() time.Duration {
	if m.KeepAlive == 0 {
		return keepAlive
	}
	return m.KeepAlive
}

func (m *member) ageAt(now time.Duration) int64 { return int64(now/max(m.keepAlive()/2, 1)) + 1 }

func (m *member) warm() *warm { return &m.block.warm[m.index] }

// instances is how many there seem to be.
func (m *member) instances(now time.Duration) int {
	w, seen := m.warm(), m.ran(now)
	if int64(now) < w.until.Load() {
		seen = max(seen, w.held.Load())
	}
	return int(seen)
}

// ran is how many calls ran at one time in this half and the one before it.
func (m *member) ran(now time.Duration) int32 {
	w := m.warm()
	switch m.ageAt(now) - w.age.Load() {
	case 0:
		return max(w.most.Load(), w.older.Load())
	case 1:
		return w.most.Load()
	}
	return 0
}

// called notes that so many calls run at one time. Of two at once one may be missed.
func (m *member) called(now time.Duration, calls int32) {
	w := m.warm()
	if age := m.ageAt(now); age != w.age.Load() {
		older := int32(0)
		if age == w.age.Load()+1 {
			older = w.most.Load()
		}
		w.older.Store(older)
		w.most.Store(0)
		w.age.Store(age)
	}
	if calls > w.most.Load() {
		w.most.Store(calls)
	}
}

// Warming is so many calls of a function, all at one time, that keep as many of its instances, beside those
// that requests keep busy.
type Warming struct {
	ID     uint64
	Stages stage.Range // that the function serves
	Calls  int
}

// How many instances are kept: a quarter more than calls ran at one time, and half as many after some hours
// without so many. This part of the time that an instance is kept goes by between two looks.
const (
	warmHalfLife = 3 * time.Hour
	warmMargin   = 1.25
	warmEvery    = 0.4
	mostWarm     = 1000
)

// WarmHold is how long each of such calls lasts, so that those made at one time meet in as many instances.
const WarmHold = 50 * time.Millisecond

// Warm says which functions are to be called so that a burst of requests finds as many instances as
// the largest one lately would have needed, and when to ask again. Such calls cost little; a
// cold start costs requests their deadlines. The driver makes the calls, and says with Warmed how many
// were answered. Functions without a Cold time need none.
func (b *Balancer) Warm(now time.Duration) (calls []Warming, wake time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wake = Never
	for id, here := range b.members {
		m := here[0]
		if m.Kind != Function || m.Cold == 0 || len(m.generations) == 0 {
			continue
		}
		every := max(time.Duration(warmEvery*float64(m.keepAlive())), time.Second)
		wake = min(wake, now+every)
		w := m.warm()
		w.peak = max(w.peak*math.Exp2(-float64(now-w.seen)/float64(warmHalfLife)), float64(m.ran(now)))
		w.seen = now
		if n := m.kept(); n > m.instances(now+every) && n > m.serving() {
			calls = append(calls, Warming{id, m.Stages, n - m.serving()})
		}
	}
	slices.SortFunc(calls, func(x, y Warming) int { return cmp.Compare(x.ID, y.ID) })
	return calls, wake
}

// Warmed takes in how many of the calls that Warm said were answered, the last of them now.
func (b *Balancer) Warmed(now time.Duration, id uint64, answered int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	here := b.members[id]
	if len(here) == 0 {
		return
	}
	m := here[0]
	w := m.warm()
	w.held.Store(int32(answered + m.serving()))
	w.until.Store(int64(now + m.keepAlive()))
}

// Warmth is how many instances are kept of a function, at most: Member.Warm of one that takes its place.
func (b *Balancer) Warmth() (most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, here := range b.members {
		if m := here[0]; m.Kind == Function {
			most = max(most, m.kept())
		}
	}
	return most
}

// kept is how many instances are to be there, as far as so many calls may run.
func (m *member) kept() int {
	n := min(int(math.Round(m.warm().peak*warmMargin)), mostWarm)
	if m.Slots > 0 {
		n = min(n, m.Slots)
	}
	return n
}
