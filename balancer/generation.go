package balancer

import (
	"slices"
	"sync/atomic"
)

// generation counts the requests that have begun in it and not ended.
type generation struct {
	number   uint64
	requests atomic.Int64
}

// Publish makes new requests begin in a generation, whose members have joined. Those
// that have begun before go on in theirs.
func (b *Balancer) Publish(number uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.current.Load()
	if old.number == number {
		return
	}
	next := &generation{number: number}
	if i := slices.IndexFunc(b.past, func(g *generation) bool { return g.number == number }); i >= 0 {
		next = b.past[i] // it comes back before it was retired
		b.past = slices.Delete(b.past, i, i+1)
	}
	b.past = append(b.past, old)
	b.current.Store(next)
}

// begin counts a request in the current generation. A request that is counted just
// when the next one is published begins in the next one, so that Retire misses none.
func (b *Balancer) begin() *generation {
	for {
		g := b.current.Load()
		g.requests.Add(1)
		if b.current.Load() == g {
			return g
		}
		g.requests.Add(-1)
	}
}

// Retire ends a generation that is no longer current. The members that are of no other
// are drained, and their IDs returned. As long as requests of it are left, or if it is
// current, ok is false and nothing changes: ask again later.
func (b *Balancer) Retire(number uint64) (drained []uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.past, func(g *generation) bool { return g.number == number })
	if i >= 0 && b.past[i].requests.Load() > 0 || b.current.Load().number == number {
		return nil, false
	}
	if i >= 0 {
		b.past = slices.Delete(b.past, i, i+1)
	}
	for id, m := range b.members {
		if m.leave(number) && len(m.generations) == 0 {
			drained = append(drained, id)
		}
	}
	slices.Sort(drained)
	b.table.Store(nil)
	return drained, true
}
