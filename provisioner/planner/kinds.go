package planner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// Kind is VMs of one offer for a VM group of a plan, and what they cost and carry there.
type Kind struct {
	provisioner.VMGroup
	Boot                time.Duration
	PerSecond           float64 // P_v: dollars; 0 for VMs that are committed to
	PerCall             float64 // c_f: as in VMFigures; 0 if no function takes over
	Saturated, FullPass float64 // requests per second of a VM with all slots busy, and if none left early
	Carried             *Carried
}

// Kinds are, for each VM group of a plan, whoever has made it, the group's own offer and then some
// others of the Ask that could serve it, the cheapest first for what they carry when they are full.
// They are what package control goes by. The error wraps ErrAsk if the Ask has not an offer of the plan,
// and ErrFit if an offer is too small or too slow for its group.
func (t *Planner) Kinds(a Ask, plan provisioner.Plan, others int) (all [][]Kind, err error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	if err := plan.Validate(a.stages()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	p := newProblem(&a, 1)
	calls, err := p.callsOf(plan)
	if err != nil {
		return nil, err
	}
	for i, g := range plan.VMs {
		own := slices.IndexFunc(a.VMs, func(v VM) bool { return v.Offer.Name == g.Offer.Name })
		if own < 0 {
			return nil, fmt.Errorf("%w: no offer %q, which the plan has for %v: give it", ErrAsk, g.Offer.Name, g.Stages)
		}
		to := p.stages
		if i+1 < len(plan.VMs) {
			to = plan.VMs[i+1].Stages.First
		}
		perCall := p.perCall(calls, g.Stages, to)
		kind := t.kind(p, own, g, perCall)
		if kind == nil {
			return nil, fmt.Errorf("%w: VMs of %q are too small, or too slow for the SLO, to serve %v: offer others", ErrFit, g.Offer.Name, g.Stages)
		}
		all = append(all, append([]Kind{*kind}, t.others(p, own, g, perCall, others)...))
	}
	return all, nil
}

// kind is nil if an offer cannot serve the group.
func (t *Planner) kind(p *problem, offer int, g provisioner.VMGroup, perCall float64) *Kind {
	f := p.newFleet(offer, g.Stages)
	if f == nil {
		return nil
	}
	v := p.VMs[offer]
	if v.Offer.Name != g.Offer.Name {
		g = provisioner.VMGroup{Stages: g.Stages, Offer: v.Offer, Slots: v.Slots, MaxBatch: f.batch}
	}
	f.known = t.table(f)
	k := &Kind{VMGroup: g, Boot: v.Boot, PerSecond: f.price, PerCall: perCall, Saturated: f.saturated, Carried: f.all()}
	if v.Offer.Market == provisioner.Committed {
		k.PerSecond = 0
	}
	pass := 0.0
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		pass += f.perRow(s, f.batch)
	}
	k.FullPass = float64(f.slots) / pass
	return k
}

// others are the best offers beside the own one.
func (t *Planner) others(p *problem, own int, g provisioner.VMGroup, perCall float64, most int) (kinds []Kind) {
	type candidate struct {
		offer int
		price float64
	}
	var all []candidate
	for i := range p.VMs {
		if f := p.newFleet(i, g.Stages); i != own && f != nil && p.VMs[i].Offer.Market != provisioner.Committed {
			all = append(all, candidate{i, f.price / f.saturated})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.price, b.price) })
	for _, c := range all[:min(most, len(all))] {
		kinds = append(kinds, *t.kind(p, c.offer, g, perCall))
	}
	return kinds
}

// callsOf is what calls of a plan's functions cost, by stage; nil where there is none.
func (p *problem) callsOf(plan provisioner.Plan) ([]*planned, error) {
	calls := make([]*planned, p.stages)
	for _, g := range plan.Functions {
		offer := slices.IndexFunc(p.Functions, func(f Function) bool { return f.Offer.Name == g.Offer.Name })
		if offer < 0 {
			return nil, fmt.Errorf("%w: no offer %q, which the plan has for %v: give it", ErrAsk, g.Offer.Name, g.Stages)
		}
		c := &planned{g.Stages, p.newCall(offer, g.Stages, p.bills(offer))}
		for s := g.Stages.First; s <= g.Stages.Last; s++ {
			calls[s] = c
		}
	}
	return calls, nil
}

// planned is a function group of a plan.
type planned struct {
	in stage.Range
	call
}

// perCall is what a request costs that VMs of a group do not carry, until VMs have it again,
// beyond what it costs if they do; 0 if no function takes it.
func (p *problem) perCall(calls []*planned, in stage.Range, to int) float64 {
	cost, ok := p.chain(calls, in.First, to)
	if !ok {
		return 0
	}
	if in.Last+1 < to {
		behind, _ := p.chain(calls, in.Last+1, to)
		cost -= p.goOn(in.First, in.Last+1) * behind
	}
	return max(cost-p.transfer(p.Network.VM, in), 0)
}

// chain is what a request before a stage costs on functions until it is before another, or further.
func (p *problem) chain(calls []*planned, from, to int) (cost float64, ok bool) {
	for s, share := from, 1.0; s < to; {
		c := calls[s]
		if c == nil {
			return 0, false
		}
		if share > 0 { // what cannot be called costs nothing where nobody comes
			cost += share * c.enter[s-c.in.First].total()
		}
		next := c.in.Last + 1
		share *= p.goOn(s, next)
		s = next
	}
	return cost, true
}
