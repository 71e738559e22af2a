package planner

import (
	"cmp"
	"slices"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// problem is an Ask as it is reckoned with: times in seconds, money in dollars a second,
// stages counted from 0.
type problem struct {
	*Ask
	stages     int
	reach      []float64
	mean, peak float64 // rates
	varies     bool
	quantile   float64
	target     float64 // the latency that is planned for: the SLO's, or a stricter one
	depths     []depth
	vms        []pace // by offer
	functions  []pace
	best       pace
	fast       bool     // functions are chosen for speed
	calls      [][]call // by first and last stage: the best function
	reference  reference
}

// newProblem plans for a share of the SLO's latency.
func newProblem(ask *Ask, margin float64) *problem {
	a := *ask
	a.Traffic.Rates = slices.Clone(a.Traffic.Rates)
	slices.SortFunc(a.Traffic.Rates, func(a, b Rate) int { return cmp.Compare(b.PerSecond, a.PerSecond) })
	p := &problem{Ask: &a, stages: a.stages(), reach: slices.Clone(a.Reach), mean: a.Traffic.Mean(), peak: a.Traffic.Peak(), quantile: a.SLO.Quantile}
	if p.quantile == 0 {
		p.quantile = 0.99
	}
	p.varies = p.peak > p.mean*(1+1e-9)
	p.target = a.SLO.Latency.Seconds() * margin
	if p.reach == nil {
		p.reach = slices.Repeat([]float64{1}, p.stages)
	}
	p.depths = p.depthsOf()
	for _, v := range a.VMs {
		p.vms = append(p.vms, p.newPace(v.Times))
	}
	for _, f := range a.Functions {
		p.functions = append(p.functions, p.newPace(f.Times))
	}
	p.best = p.quickest()
	p.settle()
	return p
}

// settle chooses the functions.
func (p *problem) settle() {
	p.priceCalls()
	p.reference = p.newReference()
}

// faster is the same problem with the fastest functions of a fair price; nil if that leaves
// rows at VMs not much more time to wait, or they have plenty. A slow function may be a little
// cheaper, but rows must leave for it early.
func (p *problem) faster() *problem {
	const plenty, much = 5, 1.25
	work := 0.0
	for s := range p.stages {
		work += p.reach[s] * p.best.mean[s]
	}
	if len(p.VMs) == 0 || p.reference.wait > plenty*work {
		return nil
	}
	q := *p
	q.fast = true
	q.settle()
	if q.reference.wait < much*p.reference.wait || q.reference.wait == 0 {
		return nil
	}
	return &q
}

// goOn is the fraction of the requests at a stage that reaches a later one; the end of the
// model is reached by none.
func (p *problem) goOn(from, to int) float64 {
	if to >= p.stages || p.reach[from] == 0 {
		return 0
	}
	return p.reach[to] / p.reach[from]
}

// leaves is the fraction of the requests that enter a range at a stage which run up to
// another and no further within the range.
func (p *problem) leaves(from, at, last int) float64 {
	share := 1.0
	if at > from {
		share = p.goOn(from, at)
	}
	if at < last {
		share -= p.goOn(from, at+1)
	}
	return share
}

// into is the bytes that travel before a stage; after the last one, the answer.
func (p *problem) into(s int) int {
	if s >= p.stages {
		return p.Network.Answer
	}
	return p.Network.Into(s)
}

// hop is the seconds to a place and back.
func (p *problem) hop(path provisioner.Path, in stage.Range) float64 {
	return (path.Time(p.into(in.First)) + path.Time(max(p.into(in.Last+1), p.Network.Answer))).Seconds()
}

// transfer is the dollars for the bytes of a visit: of one that enters at a stage and runs
// to the end of a range or its exit.
func (p *problem) transfer(path provisioner.Path, in stage.Range) float64 {
	on := p.goOn(in.First, in.Last+1)
	bytes := float64(p.into(in.First)) + on*float64(p.into(in.Last+1)) + (1-on)*float64(p.Network.Answer)
	return bytes * path.DollarsPerGB / 1e9
}

// megabytes is what a group of these stages needs.
func (p *problem) megabytes(in stage.Range) float64 {
	mb := p.Memory.BaseMB
	for s := in.First; s <= in.Last && p.Memory.StageMB != nil; s++ {
		mb += p.Memory.StageMB[s]
	}
	return mb
}

// all is the whole model.
func (p *problem) all() stage.Range { return stage.Range{Last: p.stages - 1} }
