package simulate

// settle begins to count: what was before is forgotten, but for what still goes on.
func (r *run) settle() {
	r.count = newCounts(r.Scenario)
	for _, g := range r.groups {
		g.sent, g.hedges, g.runs, g.launched, g.latency = 0, 0, 0, 0, newHistogram()
		g.lived, g.slots, g.busy, g.dollars = 0, 0, 0, 0
	}
	for _, p := range r.places[1:] {
		if f := p.function; f != nil {
			f.calls, f.cold, f.throttled, f.warmed, f.billed = 0, 0, 0, 0, 0
		}
	}
	for _, v := range r.vms {
		offer, lived := v.group.vms.Offer, r.now-v.launched
		v.counted = r.now
		v.paid = min(offer.Cost(lived), offer.PerHour*lived.Hours()) // what is left of a minimum charge is counted
		v.group.launched++
		for slot, begun := range v.begun {
			if begun != Never {
				v.begun[slot] = r.now
			}
		}
	}
	if r.control != nil {
		r.control.scaling = Scaling{Policy: r.control.scaling.Policy}
	}
}
