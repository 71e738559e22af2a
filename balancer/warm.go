package balancer

import (
	"sync/atomic"
	"time"
)

// warm is how many instances of a function there seem to be: as many as calls ran at one time
// within the time that an instance is kept, of which half an age ago counts as well as now.
type warm struct {
	age         atomic.Int64 // number of the half that is running, and one
	most, older atomic.Int32 // calls at one time, in this half and the one before it
}

const keepAlive = 5 * time.Minute

func (m *member) ageAt(now time.Duration) int64 {
	kept := m.KeepAlive
	if kept == 0 {
		kept = keepAlive
	}
	return int64(now/max(kept/2, 1)) + 1
}

// instances is how many there seem to be.
func (m *member) instances(now time.Duration) int {
	w := &m.block.warm[m.index]
	switch m.ageAt(now) - w.age.Load() {
	case 0:
		return int(max(w.most.Load(), w.older.Load()))
	case 1:
		return int(w.most.Load())
	}
	return 0
}

// called notes that so many calls run at one time. Of two at once one may be missed.
func (m *member) called(now time.Duration, calls int32) {
	w := &m.block.warm[m.index]
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
