package planner

import (
	"math"

	"github.com/serflow/serflow-go/stage"
)

// reference is the cheapest way through the model on functions alone: what a row that
// leaves a VM is taken to go to, before the plan is known.
type reference struct {
	offer   []int // by stage; -1 where no function can run it
	ends    []int // by the first stage of a group: its last
	last    []int // by any of its stages
	longest sums  // on these functions; on the fastest offer where there is none
	wait    float64
	limit   int // calls at once; 0 for none
}

func (p *problem) newReference() reference {
	r := reference{offer: make([]int, p.stages), ends: make([]int, p.stages), last: make([]int, p.stages)}
	cheapest, last := make([]float64, p.stages+1), make([]int, p.stages)
	for s := p.stages - 1; s >= 0; s-- {
		cheapest[s], last[s] = math.Inf(1), -1
		for q := s; q < p.stages; q++ {
			if c := p.calls[s][q]; c.offer >= 0 {
				if x := c.enter[0].total() + p.goOn(s, q+1)*cheapest[q+1]; x < cheapest[s] {
					cheapest[s], last[s] = x, q
				}
			}
		}
		if last[s] < 0 {
			cheapest[s] = p.goOn(s, s+1) * cheapest[s+1]
		}
	}
	for s := 0; s < p.stages; {
		to, offer := max(last[s], s), -1
		r.ends[s] = to
		if last[s] >= 0 {
			offer = p.calls[s][to].offer
			if n := p.Functions[offer].Offer.Concurrency; n > 0 && (r.limit == 0 || n < r.limit) {
				r.limit = n
			}
		}
		for ; s <= to; s++ {
			r.offer[s], r.last[s] = offer, to
			from := &p.best
			if offer >= 0 {
				from = &p.functions[offer]
			}
			mean, square := from.longest.over(s, s)
			r.longest.add(mean, mean+math.Sqrt(square))
		}
	}
	p.reference = r
	r.wait = max(p.target-p.Network.VM.Time(p.into(0)).Seconds()-p.need(0, p.depths[len(p.depths)-1].last), 0)
	return r
}

// groups are the functions from a stage on, the first of which may begin before it.
func (r *reference) groups(first int) (all []stage.Range) {
	for s := first; s < len(r.last); s = r.last[s] + 1 {
		if r.offer[s] >= 0 {
			all = append(all, stage.Range{First: s, Last: r.last[s]})
		}
	}
	return all
}

// need is the time that a row before a stage of a range must have left for its way there
// by functions: see provisioner.Expect.Need.
func (p *problem) need(s, last int) float64 {
	return p.away(s) + p.reference.longest.seldomExceeded(s, last)
}

// least is need if the functions take what they are expected to: see provisioner.Expect.Least.
func (p *problem) least(s, last int) float64 {
	mean := 0.0
	for q := s; q <= last; q++ {
		m, _ := p.reference.longest.over(q, q)
		mean += p.visits(s, q) * m
	}
	return p.away(s) + mean
}

// elsewhere is what a row must have left before the stages of a range on VMs with such means, by
// need, or least and the share that goes on: see provisioner.Expect.
func (p *problem) elsewhere(mean []float64, in stage.Range, takes func(s, last int) float64, goOn func(s int) float64) []float64 {
	need := make([]float64, in.Len()+1) // and of the stage behind
	for s := min(in.Last+1, p.stages-1); s >= in.First; s-- {
		i, then := s-in.First, 0.0
		if s+1 < p.stages && s <= in.Last {
			then = goOn(s) * need[i+1]
		}
		if in.Has(s) {
			need[i] = mean[s]
		}
		if p.reference.offer[s] >= 0 {
			need[i] = max(takes(s, p.reference.last[s]), need[i]+then)
		}
	}
	return need[:in.Len()]
}

// away is the seconds from a VM to a function before a stage, and back.
func (p *problem) away(s int) float64 {
	n := p.Network
	return (n.VM.Time(p.into(s)) + n.Function.Time(p.into(s)) + n.Function.Time(n.Answer)).Seconds()
}

// part is what a range has of the work, and so of the time that there is for waiting and of
// what there is for all.
func (p *problem) part(in stage.Range) float64 {
	of, _ := p.reference.longest.over(in.First, in.Last)
	all, _ := p.reference.longest.over(0, p.stages-1)
	return of / all
}

// onFunctions tells whether every stage of a range could run on some function.
func (p *problem) onFunctions(in stage.Range) bool {
	for s := in.First; s <= in.Last; s++ {
		if p.reference.offer[s] < 0 {
			return false
		}
	}
	return true
}

// crowded tells whether more requests of a range would be on functions at once, at such a rate,
// than its part of what the account allows.
func (p *problem) crowded(in stage.Range, rate float64) bool {
	if p.reference.limit == 0 {
		return false
	}
	seconds := 0.0
	for s := in.First; s <= in.Last; s++ {
		if offer := p.reference.offer[s]; offer >= 0 {
			seconds += p.visits(in.First, s) * p.functions[offer].mean[s]
		}
	}
	return rate*seconds > float64(p.reference.limit)*p.part(in)
}
