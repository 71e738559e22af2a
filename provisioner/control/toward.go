package control

import "slices"

// Toward goes over to the groups of another plan while requests still begin in those of now: both are wanted, and a VM
// may be one of each, so that what is there need not be launched again (provisioner.Want.Leaving). Plan then goes on
// with the new groups alone, once requests have moved, or back to those of before. Its errors are those of Plan.
func (l *Loop) Toward(groups []Group) error { return l.Plan(both(l.config.Groups, groups), nil) }

// Groups are those that the loop has now.
func (l *Loop) Groups() []Group { return slices.Clone(l.config.Groups) }

// both are the groups of two plans together. A group that both have is one, whose VMs may be of what
// it is made of now or of the new plan's first offer: as two, each would have all the VMs that it needs.
func both(old, now []Group) (both []Group) {
	for _, g := range now {
		g.Offers = slices.Clone(g.Offers[:1])
		both = append(both, g)
	}
	for _, g := range old {
		i := slices.IndexFunc(both, func(b Group) bool { return b.Offers[0].Stages == g.Offers[0].Stages })
		if i < 0 {
			g.leaving = true
			both = append(both, g)
			continue
		}
		for _, o := range g.Offers {
			if o.Offer.Name != both[i].Offers[0].Offer.Name {
				both[i].Offers = append(both[i].Offers, o)
			}
		}
	}
	return both
}
