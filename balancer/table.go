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
	for _, here := range b.members {
		members = append(members, here...)
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

// drawVM takes the better of two VMs that are drawn, or the other one if that is to be tried.
// If neither will do, some more are looked at before a function is paid.
func (s *looked) drawVM(a *Ask, c *candidates) {
	p, q, n := 1, 2, uint64(len(c.vms))
	if n == 1 {
		c.vms[0].block.lookUp(a.Core)
		c.vms[0].at(&s.places[p], a)
		if c.vms[0].ID != a.Not {
			s.vm = p
		}
		return
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
	x.at(&s.places[p], a)
	y.at(&s.places[q], a)
	rank, other := a.rank(&s.places[p]), a.rank(&s.places[q])
	if other < rank || other == rank && s.places[q].Finish < s.places[p].Finish {
		p, q, rank, other = q, p, other, rank
	}
	best, worse := &s.places[p], &s.places[q]
	switch {
	case other == usable && worse.Finish > best.Finish && worse.member.toTry(a, best.Finish):
		p = q
	case n > 2 && (rank > usable || !a.fits(best, s.at(s.function))):
		p = s.further(a, c, p, q, j)
	}
	if s.places[p].member.ID != a.Not {
		s.vm = p
	}
}

// looks is how many more VMs are looked at if the two that were drawn will not do.
const looks = 6

// further is the better one of p and the VMs behind one; q is where to look at them.
func (s *looked) further(a *Ask, c *candidates, p, q int, behind uint64) int {
	n := uint64(len(c.vms))
	for k := uint64(1); k <= min(looks, n-1); k++ {
		best, other := &s.places[p], &s.places[q]
		c.vms[(behind+k)%n].at(other, a)
		if a.before(other, best) {
			p, q = q, p
		}
	}
	return p
}

// before tells whether a place is better than another, or as good and expected to finish first.
func (a *Ask) before(p, q *Place) bool {
	x, y := a.rank(p), a.rank(q)
	return x < y || x == y && p.Finish < q.Finish
}

// function is the function that is expected to finish first, of those that may be
// called; it is not found if there is none. One to avoid comes last, but for one that has failed many.
func (c *candidates) function(a *Ask, best *Place) (found bool) {
	for _, f := range c.functions {
		if f.ID == a.Not || f.full(a.Without) {
			continue
		}
		var p Place
		f.at(&p, a)
		if !found || a.before(&p, best) {
			*best, found = p, true
		}
	}
	return found
}
