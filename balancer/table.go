package balancer

import (
	"cmp"
	"math/bits"
	"slices"
)

// table is who can be picked, by generation and stage. It never changes: who joins or
// leaves makes a new one, so that Pick reads without a lock.
type table struct {
	generations []uint64
	stages      [][]candidates // of each generation, by stage
}

// candidates are the members that serve one stage in one generation.
type candidates struct {
	vms, functions []*member
}

// places is the table of the members as they are now.
func (b *Balancer) places() *table {
	if t := b.table.Load(); t != nil {
		return t
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.table.Load()
	if t == nil {
		t = b.build()
		b.table.Store(t)
	}
	return t
}

// build makes the table. The order of members is that of their IDs, so that equal
// random numbers make equal picks.
func (b *Balancer) build() *table {
	members := make([]*member, 0, len(b.members))
	for _, m := range b.members {
		members = append(members, m)
	}
	slices.SortFunc(members, func(x, y *member) int { return cmp.Compare(x.ID, y.ID) })
	t := &table{}
	for _, m := range members {
		for _, g := range m.generations {
			t.add(g, m)
		}
	}
	return t
}

func (t *table) add(generation uint64, m *member) {
	g := slices.Index(t.generations, generation)
	if g < 0 {
		g = len(t.generations)
		t.generations, t.stages = append(t.generations, generation), append(t.stages, nil)
	}
	for len(t.stages[g]) <= m.Stages.Last {
		t.stages[g] = append(t.stages[g], candidates{})
	}
	for s := m.Stages.First; s <= m.Stages.Last; s++ {
		c := &t.stages[g][s]
		if m.Kind == VM {
			c.vms = append(c.vms, m)
		} else {
			c.functions = append(c.functions, m)
		}
	}
}

// at is nil if no member of the generation serves the stage.
func (t *table) at(generation uint64, stage int) *candidates {
	for i, g := range t.generations { // one or two: today's, and the one before it
		if g == generation && stage >= 0 && stage < len(t.stages[i]) {
			return &t.stages[i][stage]
		}
	}
	return nil
}

// lookups is how many picks there are on average between two that look at what the
// other cores have sent to the VMs drawn, and to those in their blocks. To take a cache
// line from a core and give it back costs as much as ten picks, and more if the cores are
// far from each other; few VMs have few requests, and time for it.
func lookups(vms uint64) uint64 { return min(max(vms, 16), 64) }

// vm is the better of two drawn VMs, or the other one if that is to be tried; no member if
// there are none.
func (c *candidates) vm(a Ask) Place {
	n := uint64(len(c.vms))
	switch n {
	case 0:
		return Place{}
	case 1:
		c.vms[0].block.lookUp(a.Core)
		return c.vms[0].at(a.Stage, a.Core)
	}
	i, rest := bits.Mul64(a.Random, n) // uniform in [0,n), and fresh bits
	j, _ := bits.Mul64(rest, n-1)
	if j >= i {
		j++ // another one
	}
	x, y := c.vms[i], c.vms[j]
	if a.Random%lookups(n) == 0 {
		x.block.lookUp(a.Core)
		if y.block != x.block {
			y.block.lookUp(a.Core)
		}
	}
	p, q := x.at(a.Stage, a.Core), y.at(a.Stage, a.Core)
	if p.ID() == a.Avoid || q.Finish < p.Finish && q.ID() != a.Avoid {
		p, q = q, p
	}
	if q.Finish > p.Finish && q.ID() != a.Avoid && q.member.toTry(a, p.Finish) {
		return q
	}
	return p
}

// function is the function that is expected to finish first, of those that may be
// called; no member if there is none. One to avoid comes last.
func (c *candidates) function(a Ask) (best Place) {
	for _, f := range c.functions {
		if f.full() {
			continue
		}
		p := f.at(a.Stage, a.Core)
		if best.member == nil || best.member.ID == a.Avoid || p.Finish < best.Finish && f.ID != a.Avoid {
			best = p
		}
	}
	return best
}
