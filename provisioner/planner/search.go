package planner

import (
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// layout is a plan as the search sees it.
type layout struct {
	p         *problem
	perSecond float64 // dollars
	vms       []rent
	ends      []int // of the function groups, by their first stages
}

// search finds the cheapest layout.
type search struct {
	p      *problem
	tables *Planner
	fleets [][][]*fleet // by first and last stage
	rents  [][][]rent
	rate   []float64 // that comes to each stage
	closed [][]bool  // by from and to: whether functions may not have the stages between
	guess  int       // tables that may still be made of fleets that look good
	exact  bool      // what is chosen is to be known well
	best   []float64 // from each stage on, behind other VM groups
	choice []step
	first  []float64 // the same without others before it
	begin  []step
}

// step is what comes at a stage: a VM group, and after it functions up to the next one.
type step struct {
	rent      int
	last      int // of the VM group
	functions int // the stage up to which functions come
}

// mostGuesses bounds the time of a search. After so many tables, only fleets with tables count.
const mostGuesses = 48

// newSearch looks at the ranges that may be VM groups.
func newSearch(p *problem, tables *Planner, may allowed, exact bool) *search {
	s := &search{p: p, tables: tables, exact: exact, guess: mostGuesses, best: make([]float64, p.stages+1), choice: make([]step, p.stages+1), first: make([]float64, p.stages+1), begin: make([]step, p.stages+1)}
	s.open()
	s.fleets, s.rents = make([][][]*fleet, p.stages), make([][][]rent, p.stages)
	for first := range p.stages {
		s.fleets[first], s.rents[first] = make([][]*fleet, p.stages), make([][]rent, p.stages)
		for last := first; last < p.stages; last++ {
			in := stage.Range{First: first, Last: last}
			if !may(first, last) {
				continue
			}
			for vm := range p.VMs {
				if f := p.newFleet(vm, in); f != nil {
					f.known = tables.lookUp(f)
					s.fleets[first][last] = append(s.fleets[first][last], f)
				}
			}
			s.offer(in)
		}
	}
	return s
}

// offer works out the rents of a range.
func (s *search) offer(in stage.Range) {
	low, high := s.p.callBounds(in)
	fleets := s.fleets[in.First][in.Last]
	if s.guess <= 0 {
		fleets = slices.DeleteFunc(slices.Clone(fleets), func(f *fleet) bool { return f.known == nil && !f.must })
	}
	s.rents[in.First][in.Last] = rents(fleets, low, high)
}

// allowed tells whether a range may be a VM group.
type allowed func(first, last int) bool
