package provisioner

import (
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// Expect works out what the places of a plan are expected to do. A service and its
// simulation ask it alike.
type Expect struct {
	Plan    Plan
	Times   map[string]profile.Times // of the model's stages, by the name of the offer
	Network Network
}

// VM is a VM of a group, as the balancer is to know it, but for its ID.
func (e Expect) VM(g VMGroup) balancer.Member {
	m := e.member(g.Stages, e.Times[g.Offer.Name], e.Network.VM)
	m.Kind, m.Slots = balancer.VM, g.SlotsOf()
	m.Batch, m.Once = e.batch(g)
	return m
}

// Function is the function of a group, as the balancer is to know it, but for its ID.
func (e Expect) Function(g FunctionGroup) balancer.Member {
	m := e.member(g.Stages, e.Times[g.Offer.Name], e.Network.Function)
	m.Kind, m.Slots, m.Cold = balancer.Function, g.Offer.Concurrency, g.Cold
	m.Warm = g.Warm
	return m
}

func (e Expect) member(in stage.Range, t profile.Times, path Path) balancer.Member {
	m := balancer.Member{Stages: in, Travel: sum(path.Time(e.Network.Into(in.First)), path.Time(e.Network.Answer))}
	for s := in.First; s <= in.Last; s++ {
		m.Service = append(m.Service, e.mean(t, stage.Range{First: s, Last: in.Last}))
		m.Longest = append(m.Longest, profile.Longest(t, s, in.Last))
		m.Soonest = append(m.Soonest, profile.Soonest(t, s))
		m.Each = append(m.Each, sum(t.Mean(s, 1)))
	}
	return m
}

// mean is the expected time of a request that enters a range at its first stage.
func (e Expect) mean(t profile.Times, in stage.Range) time.Duration {
	ns := float64(t.Mean(in.First, 1)) // also where the plan expects nobody
	for s := in.First + 1; s <= in.Last; s++ {
		ns += float64(t.Mean(s, 1)) * e.Plan.GoOn(in.First, s)
	}
	return atMostACentury(ns)
}

// Need is the time that a request must have left for a VM of a group to begin a stage, by
// stage of the model. With less it goes to a function, if there is one for the stage, and so
// in time for that: the function may take as long as it seldom exceeds. Nor may the stage begin if
// there would be no time for the next one's function after it. Without a function, what the stage
// itself takes. For the stage behind the group it is what a function takes that goes on there.
func (e Expect) Need(g VMGroup, stages int) []time.Duration {
	return e.elsewhere(g, stages, profile.Longest, func(int) float64 { return 1 })
}

// Least is, like Need, the time that a request must have left to be in time elsewhere on
// average: the function takes what it is expected to, and some leave before the next stage.
func (e Expect) Least(g VMGroup, stages int) []time.Duration {
	mean := func(t profile.Times, first, last int) time.Duration {
		return e.mean(t, stage.Range{First: first, Last: last})
	}
	return e.elsewhere(g, stages, mean, func(s int) float64 { return e.Plan.GoOn(s, s+1) })
}

// elsewhere is the time of the way from a VM of a group to a function, and that the function
// takes, by stage, or if that is more, of the stage and the share that goes on of the way from
// the next.
func (e Expect) elsewhere(g VMGroup, stages int, takes func(t profile.Times, first, last int) time.Duration, goOn func(stage int) float64) []time.Duration {
	need := make([]time.Duration, stages)
	n := e.Network
	for s := min(g.Stages.Last+1, stages-1); s >= g.Stages.First; s-- {
		then := time.Duration(0)
		if s+1 < stages {
			then = atMostACentury(goOn(s) * float64(need[s+1]))
		}
		if g.Stages.Has(s) {
			need[s] = sum(e.Times[g.Offer.Name].Mean(s, 1))
		}
		for _, f := range e.Plan.Functions {
			if f.Stages.Has(s) {
				way := sum(n.VM.Time(n.Into(s)), n.Function.Time(n.Into(s)), n.Function.Time(n.Answer), takes(e.Times[f.Offer.Name], s, f.Stages.Last))
				need[s] = max(way, sum(need[s], then))
			}
		}
	}
	return need
}
