package balancer

import (
	"math"
	"sync/atomic"
)

// perBlock is how many members share a block: as many as have their counts of one core
// in one cache line, so that a core that looks up another's count sees sixteen for the
// price of one.
const perBlock = 16

// block is what the cores know of some members.
type block struct {
	taken  int           // a place is not given to another member: requests of the one before may still be reported
	odd    atomic.Uint32 // a bit for each member whose health says something: all that most picks read of it
	views  []view
	health [perBlock]health
	warm   [perBlock]warm // of functions
}

// view is what one core knows. Nothing of it shares a cache line with another's.
type view struct {
	serving [perBlock]atomic.Int32 // requests of this core, which the others look up
	known   [perBlock]known
}

// known is what the requests of one core have shown of a member.
type known struct {
	seen     atomic.Int32  // requests of the other cores, when they were last looked up
	others   atomic.Int32  // requests of other balancers, when the member last said so
	slowness atomic.Uint64 // of float64: measured service time over expected
}

func newBlock(cores int) *block {
	b := &block{views: make([]view, cores)}
	for j := range perBlock {
		b.unlearn(j)
		b.health[j].room.Store(math.Float64bits(boundless))
	}
	return b
}

// serving is the number of requests that all cores have at a member.
func (b *block) serving(index int) (sum int32) {
	for i := range b.views {
		sum += b.views[i].serving[index].Load()
	}
	return sum
}

// lookUp counts the requests that the other cores have at each member.
func (b *block) lookUp(core int) {
	if len(b.views) == 1 {
		return
	}
	mine := &b.views[core]
	for i := range perBlock {
		seen := b.serving(i) - mine.serving[i].Load()
		if k := &mine.known[i]; k.seen.Load() != seen {
			k.seen.Store(seen)
		}
	}
}

// unlearn forgets what service times a member has shown. A reply that comes at the same
// moment may undo it for a core; later ones then make up for that.
func (b *block) unlearn(index int) {
	for i := range b.views {
		b.views[i].known[index].slowness.Store(math.Float64bits(1))
	}
}

// smoothing is the weight of one reply in a member's speed: an EWMA over some twenty.
const smoothing = 0.1

// learn takes in how a measured service time compares with the expected one. Of two
// replies at once one may be lost. What stays as it is is not written, here and below,
// which would take the cache line from other cores.
func (k *known) learn(ratio float64) {
	if old := math.Float64frombits(k.slowness.Load()); ratio != old {
		k.slowness.Store(math.Float64bits(old + smoothing*(ratio-old)))
	}
}

// hear takes in how many requests of other balancers the member has.
func (k *known) hear(others int32) {
	if k.others.Load() != others {
		k.others.Store(others)
	}
}
