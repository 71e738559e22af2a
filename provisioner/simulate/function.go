package simulate

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
)

// function is one cloud function.
type function struct {
	number    int // in the plan, and behind it those of later ones
	offer     provisioner.FunctionOffer
	calls     int
	cold      int
	throttled int
	warmed    int     // calls that only kept instances
	billed    float64 // nanoseconds

	from, until time.Duration // that it is there
}

// addFunctions makes the plan's functions known to the balancer, those of which that are there already by this plan too.
func (r *run) addFunctions() error {
	for _, g := range r.Plan.Functions {
		id, ok := r.functionOf(g)
		if !ok {
			id = uint64(len(r.places))
			gr := &group{stages: g.Stages, offer: g.Offer.Name, path: r.Network.Function, times: r.Times[g.Offer.Name], latency: newHistogram()}
			r.groups = append(r.groups, gr)
			r.places = append(r.places, place{function: &function{number: r.functions, offer: g.Offer, from: r.now, until: Never}, group: gr})
			r.functions++
		}
		m := r.expect().Function(g)
		m.ID = id
		made := !ok && r.move != nil && r.Rules.Without&balancer.Warmth == 0 // as a service makes one
		if made {
			m.Warm = max(r.balancer.Warmth(), g.Warm)
		}
		if err := r.balancer.Join(m, r.Plan.Generation); err != nil {
			return err
		}
		if made {
			r.warm(balancer.Warming{ID: id, Calls: max(m.Warm, 1)})
		}
	}
	return nil
}

// functionOf is the place of a group's function, if it is there.
func (r *run) functionOf(g provisioner.FunctionGroup) (id uint64, ok bool) {
	i := slices.IndexFunc(r.places, func(p place) bool {
		return p.function != nil && p.function.until == Never && p.group.stages == g.Stages && p.group.offer == g.Offer.Name
	})
	return uint64(max(i, 0)), i >= 0
}

// call runs a request on a function, up to its exit or the end of the group.
func (r *run) call(p *place, q *request, t *attempt, e event) {
	f := p.function
	cold, ok := r.world.Call(r.now, f.number, f.offer)
	if !ok {
		f.throttled++
		r.answer(t, e, p.group, balancer.Refused, int(e.stage))
		return
	}
	last := min(int(q.depth), p.group.stages.Last)
	for s := int(e.stage); s <= last; s++ {
		t.service = min(t.service+r.draw(p.group.times, s, 1), century)
		p.group.runs++
	}
	q.worked = min(q.worked+t.service, century)
	billed := min(cold, century) + t.service
	f.calls++
	q.onFunction = true
	if cold > 0 {
		f.cold++
	}
	f.billed += float64(billed)
	p.group.dollars += f.offer.Cost(billed)
	e.kind = returned
	r.events.at(r.after(billed), e)
}

// functionReturn ends a call.
func (r *run) functionReturn(e event) {
	p := &r.places[e.place]
	r.world.Return(r.now, p.function.number)
	q, t := r.current(e)
	switch {
	case q == nil: // nobody waits for it any more
	case int(q.depth) <= p.group.stages.Last:
		r.answer(t, e, p.group, balancer.Exited, int(q.depth))
	default:
		r.answer(t, e, p.group, balancer.Passed, p.group.stages.Last+1)
	}
}

// keepWarm makes the calls that keep instances, from time to time.
func (r *run) keepWarm() {
	calls, wake := r.balancer.Warm(r.now)
	for _, w := range calls {
		r.warm(w)
	}
	r.at(wake, r.keepWarm)
}

func (r *run) warm(w balancer.Warming) {
	p := &r.places[w.ID]
	f, answered, last := p.function, 0, time.Duration(0)
	for range w.Calls {
		cold, ok := r.world.Call(r.now, f.number, f.offer)
		if !ok {
			continue
		}
		billed := min(cold, century) + balancer.WarmHold
		answered, last = answered+1, max(last, billed)
		f.warmed++
		f.billed += float64(billed)
		p.group.dollars += f.offer.Cost(billed)
		r.at(r.after(billed), func() { r.world.Return(r.now, f.number) })
	}
	r.at(r.after(last), func() { r.balancer.Warmed(r.now, w.ID, answered) })
}
