package planner

import (
	"math"

	"github.com/serflow/serflow-go/stage"
)

// vms finds the cheapest VM groups beside some functions, from the last stage back.
func (s *search) vms(f *partition, may allowed) float64 {
	n := s.p.stages
	s.best[n], s.first[n] = 0, 0
	for a := n - 1; a >= 0; a-- {
		s.best[a], s.first[a] = math.Inf(1), math.Inf(1)
		for b := a; b < n; b++ {
			if may(a, b) && len(s.rents[a][b]) > 0 {
				s.group(f, a, b)
			}
		}
	}
	least := math.Inf(1)
	for to := 0; to <= n; to++ {
		if x := s.onFunctions(f, 0, to) + s.first[to]; x < least {
			least = x
			s.choice[n] = step{functions: to} // what comes before the first VM group
		}
	}
	return least
}

// open works out where functions may have stages to themselves, within what the account allows.
func (s *search) open() {
	for from := range s.p.stages {
		s.rate = append(s.rate, s.p.mean*s.p.reach[from])
		closed := make([]bool, s.p.stages+1)
		for to := from + 1; to <= s.p.stages; to++ {
			closed[to] = s.p.crowded(stage.Range{First: from, Last: to - 1}, s.p.peak*s.p.reach[from])
		}
		s.closed = append(s.closed, closed)
	}
}

// onFunctions is what functions cost between two VM groups.
func (s *search) onFunctions(f *partition, from, to int) float64 {
	switch {
	case from == to:
		return 0
	case s.closed[from][to] || math.IsInf(f.chain[to][from], 1):
		return math.Inf(1)
	}
	return s.rate[from] * f.chain[to][from]
}

// group tries a VM group, with functions behind it up to each later stage.
func (s *search) group(f *partition, a, b int) {
	on := s.p.goOn(a, b+1)
	for to := b + 1; to <= s.p.stages; to++ {
		rest := s.best[to] + s.onFunctions(f, b+1, to)
		if rest >= s.best[a] {
			continue
		}
		perCall := f.chain[to][a]
		if to > b+1 && on > 0 {
			perCall -= on * f.chain[to][b+1]
		}
		for i := range s.rents[a][b] {
			r := &s.rents[a][b][i]
			x := rest + r.fixed
			if r.over > 0 {
				x += perCall * r.over
			}
			if x < s.first[a] {
				s.first[a], s.begin[a] = x, step{i, b, to}
			}
			if x += r.apart; x < s.best[a] {
				s.best[a], s.choice[a] = x, step{i, b, to}
			}
		}
	}
}

// layout writes down what vms has chosen.
func (s *search) layout(f *partition, perSecond float64) layout {
	l := layout{p: s.p, perSecond: perSecond, ends: append([]int(nil), f.ends...)}
	choice := s.begin
	for at := s.choice[s.p.stages].functions; at < s.p.stages; choice = s.choice {
		c := choice[at]
		l.vms = append(l.vms, s.rents[at][c.last][c.rent])
		at = c.functions
	}
	return l
}

// solve finds the best layout of all, or of some: what it is chosen for is simulated, and
// the search repeated, until what is chosen is known.
func (s *search) solve(some among, may allowed) (l layout, ok bool) {
	for {
		l = layout{perSecond: math.Inf(1)}
		some(s.p, func(f *partition) {
			if x := s.vms(f, may) + f.idle(); x < l.perSecond {
				l = s.layout(f, x)
			}
		})
		if math.IsInf(l.perSecond, 1) {
			return layout{}, false
		}
		if !s.learn(l) {
			return l, true
		}
	}
}

// learn makes the tables of a layout that are not known, and betters those that are; it is false if
// there was no need.
func (s *search) learn(l layout) (learned bool) {
	for _, r := range l.vms {
		switch {
		case r.fleet.known == nil:
			r.fleet.known = s.tables.table(r.fleet)
			s.guess--
		case s.exact && r.fleet.improve(r.n):
		default:
			continue
		}
		s.offer(r.fleet.in)
		learned = true
	}
	if learned && s.guess <= 0 {
		for first, to := range s.fleets {
			for last := range to {
				s.offer(stage.Range{First: first, Last: last})
			}
		}
	}
	return learned
}

// improve betters what is known of n VMs.
func (f *fleet) improve(n int) (learned bool) {
	for _, r := range f.p.Traffic.Rates {
		if rate := r.PerSecond * f.p.reach[f.in.First]; rate > 0 {
			learned = f.known.improveAt(n, rate/(float64(n)*f.saturated), chosen) || learned
		}
	}
	return learned
}
