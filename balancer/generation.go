package balancer

import (
	"slices"
	"sync/atomic"
)

// generation counts the requests that have begun in it and not ended.
type generation struct {
	number uint64
	begun  []counter // by core
}

// counter fills a cache line, so that cores that count at once do not wait for each other.
type counter struct {
	atomic.Int64
	_ [56]byte
}

func (b *Balancer) newGeneration(number uint64) *generation {
	return &generation{number: number, begun: make([]counter, b.cores)}
}

// requests is how many have begun and not ended.
func (g *generation) requests() (sum int64) {
	for i := range g.begun {
		sum += g.begun[i].Load()
	}
	return sum
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
	next := b.newGeneration(number)
	if i := slices.IndexFunc(b.past, func(g *generation) bool { return g.number == number }); i >= 0 {
		next = b.past[i] // it comes back before it was retired
		b.past = slices.Delete(b.past, i, i+1)
	}
	b.past = append(b.past, old)
	b.current.Store(next)
}

// begin counts a request in the current generation. A request that is counted just
// when the next one is published begins in the next one, so that Retire misses none.
func (b *Balancer) begin(core int) *generation {
	for {
		g := b.current.Load()
		g.begun[core].Add(1)
		if b.current.Load() == g {
			return g
		}
		g.begun[core].Add(-1)
	}
}

// Retire ends a generation that is no longer current. The members that are of no other
// are drained, and their IDs returned. As long as requests of it are left, or if it is
// current, ok is false and nothing changes: ask again later.
func (b *Balancer) Retire(number uint64) (drained []uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.past, func(g *generation) bool { return g.number == number })
	if i >= 0 && b.past[i].requests() > 0 || b.current.Load().number == number {
		return nil, false
	}
	if i >= 0 {
		b.past = slices.Delete(b.past, i, i+1)
	}
	for id, here := range b.members {
		left, serves := false, false
		for _, m := range here {
			left = m.leave(number) || left
			serves = serves || len(m.generations) > 0
		}
		if left && !serves {
			drained = append(drained, id)
		}
	}
	slices.Sort(drained)
	b.table.Store(nil)
	return drained, true
}
