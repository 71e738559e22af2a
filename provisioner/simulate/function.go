package simulate

import (
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// function is one cloud function.
type function struct {
	number    int // in the plan
	offer     provisioner.FunctionOffer
	calls     int
	cold      int
	throttled int
	billed    time.Duration
}

// addFunctions makes the plan's functions known to the balancer.
func (r *run) addFunctions() error {
	for i, g := range r.Plan.Functions {
		gr := &group{stages: g.Stages, offer: g.Offer.Name, path: r.Network.Function, times: r.Times[g.Offer.Name], latency: newHistogram()}
		r.groups = append(r.groups, gr)
		id := uint64(len(r.places))
		r.places = append(r.places, place{function: &function{number: i, offer: g.Offer}, group: gr})
		m := balancer.Member{ID: id, Kind: balancer.Function, Stages: g.Stages, Slots: g.Offer.Concurrency, Service: r.expect(gr), Cold: g.Cold}
		if err := r.balancer.Join(m, r.Plan.Generation); err != nil {
			return err
		}
	}
	return nil
}

// expect is, for each stage of a group, the mean time of a request that enters there.
func (r *run) expect(g *group) []time.Duration {
	service := make([]time.Duration, g.stages.Len())
	for i := range service {
		service[i] = r.mean(g.times, stage.Range{First: g.stages.First + i, Last: g.stages.Last})
	}
	return service
}

// call runs a request on a function, up to its exit or the end of the group.
func (r *run) call(p *place, q *request, e event) {
	f := p.function
	cold, ok := r.world.Call(r.now, f.number, f.offer)
	if !ok {
		f.throttled++
		r.answer(q, e, p.group, balancer.Refused, int(e.stage))
		return
	}
	last := min(int(q.depth), p.group.stages.Last)
	for s := int(e.stage); s <= last; s++ {
		q.service += p.group.times.Draw(s, 1, r.work)
		p.group.runs++
	}
	q.worked += q.service
	billed := cold + q.service
	f.calls++
	if cold > 0 {
		f.cold++
	}
	f.billed += billed
	p.group.busy += billed
	p.group.dollars += f.offer.Cost(billed)
	e.kind = returned
	r.events.Push(r.now+billed, e)
}

// functionReturn ends a call.
func (r *run) functionReturn(e event) {
	p := &r.places[e.place]
	r.world.Return(r.now, p.function.number)
	q := r.current(e)
	switch {
	case q == nil: // nobody waits for it any more
	case int(q.depth) <= p.group.stages.Last:
		r.answer(q, e, p.group, balancer.Exited, int(q.depth))
	default:
		r.answer(q, e, p.group, balancer.Passed, p.group.stages.Last+1)
	}
}
