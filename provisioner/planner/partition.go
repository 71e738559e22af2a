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

// mostPartitions bounds the search in models of more than 12 stages, whose partitions into
// the fewest groups come first.
const mostPartitions = 1 << 11

// partitions calls with every partition of the model into function groups that could do.
// A stage that begins no range which a function holds is left to VMs.
func (p *problem) partitions(each func(*partition)) {
	f := p.newPartition()
	cuts := p.mostCuts()
	var from func(s, cuts int)
	from = func(s, cuts int) {
		if s == p.stages {
			if f.quick() {
				f.link()
				each(f)
			}
			return
		}
		none := true
		for last := p.stages - 1; last >= s; last-- {
			if p.calls[s][last].offer < 0 {
				continue
			}
			none = false
			if last == p.stages-1 || cuts > 0 {
				f.place(stage.Range{First: s, Last: last})
				from(last+1, cuts-1)
			}
		}
		if none {
			f.leave(s)
			from(s+1, cuts)
		}
	}
	from(0, cuts)
	if cuts < p.stages-1 {
		for _, ends := range [][]int{p.reference.ends, p.alone()} {
			if f.follow(ends) && f.quick() {
				f.link()
				each(f)
			}
		}
	}
}

// alone is the end of each stage's group if it is alone in it.
func (p *problem) alone() (ends []int) {
	for s := range p.stages {
		ends = append(ends, s)
	}
	return ends
}

// follow places groups with these ends, given by their first stages. It is false if a group
// of several stages has no function.
func (f *partition) follow(ends []int) bool {
	for s := 0; s < f.p.stages; s = ends[s] + 1 {
		switch {
		case f.p.calls[s][ends[s]].offer >= 0:
			f.place(stage.Range{First: s, Last: ends[s]})
		case ends[s] == s:
			f.leave(s)
		default:
			return false
		}
	}
	return true
}

// mostCuts is how many cuts a partition may have for there not to be too many of them.
func (p *problem) mostCuts() int {
	count, of := 0, 1
	for cuts := 0; cuts < p.stages; cuts++ {
		if count += of; count > mostPartitions {
			return max(cuts-1, 0)
		}
		of = of * (p.stages - 1 - cuts) / (cuts + 1)
	}
	return p.stages
}
