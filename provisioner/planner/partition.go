package planner

import (
	"math"

	"github.com/serflow/serflow-go/stage"
)

// partition is function groups over the model: where each stage is, and what a call that
// enters there costs.
type partition struct {
	p      *problem
	groups []*call // by stage; nil where there is no function
	ends   []int   // by stage: the last of its group
	enter  []float64
	// chain[to][from] is what a request before stage from costs until it is before stage to or
	// further, if it stays on functions; infinite if it cannot, even where none is expected.
	chain [][]float64
}

func (p *problem) newPartition() *partition {
	f := &partition{p: p, groups: make([]*call, p.stages), ends: make([]int, p.stages), enter: make([]float64, p.stages)}
	for range p.stages + 1 {
		f.chain = append(f.chain, make([]float64, p.stages+1))
	}
	return f
}

// place puts a range on its function.
func (f *partition) place(in stage.Range) {
	c := &f.p.calls[in.First][in.Last]
	for s := in.First; s <= in.Last; s++ {
		f.groups[s], f.ends[s] = c, in.Last
		f.enter[s] = c.enter[s-in.First].total()
	}
}

// leave leaves a stage to VMs.
func (f *partition) leave(s int) {
	f.groups[s], f.ends[s], f.enter[s] = nil, s, math.Inf(1)
}

// link works the chains out.
func (f *partition) link() {
	for to := 1; to <= f.p.stages; to++ {
		for from := to - 1; from >= 0; from-- {
			sum := f.enter[from]
			if next := f.ends[from] + 1; next < to {
				if on := f.p.goOn(from, next); on > 0 || math.IsInf(f.chain[to][next], 1) {
					sum += max(on, math.SmallestNonzeroFloat64) * f.chain[to][next]
				}
			}
			f.chain[to][from] = sum
		}
	}
}

// cost is what such a chain costs, by what it is for.
func (f *partition) cost(from, to int) (sum dollars) {
	for share, s := 1.0, from; s < to && share > 0; {
		d := f.groups[s].enter[s-f.first(s)]
		sum.compute += share * d.compute
		sum.transfer += share * d.transfer
		next := f.ends[s] + 1
		share *= f.p.goOn(s, next)
		s = next
	}
	return sum
}

// first is the first stage of the group of a stage.
func (f *partition) first(s int) int { return f.ends[s] - len(f.groups[s].enter) + 1 }

// ranges are the groups in order.
func (f *partition) ranges() (all []stage.Range) {
	for s := 0; s < f.p.stages; s = f.ends[s] + 1 {
		if f.groups[s] != nil {
			all = append(all, stage.Range{First: s, Last: f.ends[s]})
		}
	}
	return all
}

// idle is dollars a second that the functions cost whether they are called or not.
func (f *partition) idle() (perSecond float64) {
	for _, in := range f.ranges() {
		perSecond += f.p.idle(f.groups[in.First].offer)
	}
	return perSecond
}

// idle is dollars a second that a function costs whether it is called or not.
func (p *problem) idle(offer int) float64 { return p.Functions[offer].Offer.IdlePerHour / 3600 }

// quick tells whether each depth can be in time on these functions, its calls one after
// the other.
func (f *partition) quick() bool {
	for i, d := range f.p.depths {
		mean, square := 0.0, 0.0
		for s := 0; s <= d.last; s++ {
			from := &f.p.best
			if c := f.groups[s]; c != nil {
				from = &f.p.functions[c.offer]
			}
			m, q := from.depth[i].over(s, s)
			mean, square = mean+m, square+q
			if c := f.groups[s]; c != nil && s == f.first(s) {
				mean += f.p.hop(f.p.Network.Function, stage.Range{First: s, Last: f.ends[s]}) + f.p.Functions[c.offer].Overhead.Seconds()
			}
		}
		if mean+math.Sqrt(max(square, 0)) > f.p.SLO.Latency.Seconds() {
			return false
		}
	}
	return true
}
