//go:build !race

package planner

import (
	"math"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

// brute tries every partition, offer and number of VMs up to a bound, from the definitions.
type brute struct {
	p      *problem
	fleets [][][]*fleet
	most   int
	best   float64
}

func (b *brute) search(f *partition, at int, vms []rent) {
	if at == b.p.stages {
		b.best = min(b.best, b.cost(f, vms))
		return
	}
	b.search(f, at+1, vms)
	for last := at; last < b.p.stages; last++ {
		for _, fl := range b.fleets[at][last] {
			for n := 1; n <= min(b.most, fl.most); n++ {
				b.search(f, last+1, append(vms[:len(vms):len(vms)], rent{fleet: fl, n: n}))
			}
		}
	}
}

// cost follows the requests from the first stage on.
func (b *brute) cost(f *partition, vms []rent) float64 {
	p := b.p
	next := func(i int) int {
		if i < len(vms) {
			return vms[i].fleet.in.First
		}
		return p.stages
	}
	sum := b.between(f, 0, next(0))
	for i, r := range vms {
		in, to := r.fleet.in, next(i+1)
		over := r.fleet.over(r.n)
		if p.crowded(in, p.peak*p.reach[in.First]*(1-r.fleet.carried(r.n, p.peak*p.reach[in.First]))) {
			return math.Inf(1)
		}
		if i > 0 {
			sum += r.fleet.rent(r.n).apart
		}
		rate := p.mean * p.reach[in.First]
		sum += r.fleet.dollars(r.n) + (rate-over)*p.transfer(p.Network.VM, in) + over*b.chain(f, in.First, to)
		if in.Last+1 < to {
			sum += b.between(f, in.Last+1, to) - over*p.goOn(in.First, in.Last+1)*b.chain(f, in.Last+1, to)
		}
	}
	return sum
}

func (b *brute) between(f *partition, from, to int) float64 {
	rate := b.p.reach[from%b.p.stages]
	switch {
	case from == to:
		return 0
	case b.p.crowded(stage.Range{First: from, Last: to - 1}, b.p.peak*rate):
		return math.Inf(1)
	}
	return b.p.mean * rate * b.chain(f, from, to)
}

func (b *brute) chain(f *partition, from, to int) float64 {
	if from >= to {
		return 0
	}
	c, end := f.groups[from], f.ends[from]
	if c == nil {
		return math.Inf(1)
	}
	return c.enter[len(c.enter)-1-(end-from)].total() + b.p.goOn(from, end+1)*b.chain(f, end+1, to)
}

// What the search finds is what trying everything finds, or close to it: it simulates only
// what an estimate says is worth it, and tables of so few rows as here are off by some hundredths.
func TestBruteForceAgrees(t *testing.T) {
	compared, exact := 0, 0
	for seed := range 400 {
		a := seeded(uint64(seed)).ask(3)
		for i := range a.VMs {
			a.VMs[i].MaxBatch = 1 // tables of batches would take more rows than there is time for
		}
		p := newProblem(&a, 1)
		if !p.onFunctions(p.all()) {
			continue
		}
		found, least, skip := both(p)
		switch {
		case skip:
		case math.IsInf(found, 1) != math.IsInf(least, 1):
			t.Errorf("seed %d: found %v dollars a second, and there is %v", seed, found, least)
		case found < least*(1-1e-9)-1e-15 || found > least*1.08+1e-15:
			t.Errorf("seed %d: found %v dollars a second, and there is %v", seed, found, least)
		default:
			compared++
			if found <= least*(1+1e-9)+1e-15 {
				exact++
			}
		}
	}
	t.Logf("%d of %d exactly the same", exact, compared)
	if compared < 200 || exact < compared*95/100 {
		t.Errorf("%d of %d exactly the same", exact, compared)
	}
}

// both is what the search finds and the least of all that could be, with tables for all.
func both(p *problem) (found, least float64, skip bool) {
	tables := &Planner{rows: 300}
	every := func(int, int) bool { return true }
	l, ok := newSearch(p, tables, every, false).solve((*problem).partitions, every)
	if !ok {
		l.perSecond = math.Inf(1)
	}
	b := &brute{p: p, fleets: newSearch(p, tables, every, false).fleets, most: 6, best: math.Inf(1)}
	for _, to := range b.fleets {
		for _, fleets := range to {
			for _, f := range fleets {
				f.known = tables.table(f)
			}
		}
	}
	p.partitions(func(f *partition) { b.search(f, 0, nil) })
	for _, r := range l.vms {
		skip = skip || r.n > b.most // more than are tried
	}
	return l.perSecond, b.best, skip
}
