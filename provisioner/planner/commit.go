package planner

import "github.com/serflow/serflow-go/stage"

// Commitment is VMs that would be in use often enough to be cheaper if they were
// committed to.
type Commitment struct {
	Stages  stage.Range
	Offer   string
	VMs     int
	PerHour float64 // dollars to commit to
	Saves   float64 // dollars per hour
}

// commitments looks at each VM that traffic would have in use for a share of the time, if the
// fleet followed it: one with a smaller price for all of the time is worth committing to.
func (p *problem) commitments(l *layout, figures []VMFigures) (all []Commitment) {
	for i, r := range l.vms {
		v := p.VMs[r.fleet.vm]
		if v.CommittedPerHour <= 0 || v.CommittedPerHour >= v.Offer.PerHour {
			continue
		}
		saves := figures[i].PerCall - p.transfer(p.Network.VM, r.fleet.in)
		c := Commitment{Stages: r.fleet.in, Offer: v.Offer.Name}
		for n := r.fleet.free + 1; ; n++ {
			used := 0.0
			for _, rate := range p.Traffic.Rates {
				if r.wanted(rate.PerSecond*p.reach[r.fleet.in.First], saves) >= n {
					used += rate.Share
				}
			}
			if used*v.Offer.PerHour <= v.CommittedPerHour {
				break
			}
			c.VMs++
			c.PerHour += v.CommittedPerHour
			c.Saves += used*v.Offer.PerHour - v.CommittedPerHour
		}
		if c.VMs > 0 {
			all = append(all, c)
		}
	}
	return all
}

// wanted is the smallest number of VMs whose next would not pay at a rate; where no function could take
// over, the smallest, up to the plan's, that carries all but what may be late.
func (r *rent) wanted(rate, saves float64) int {
	f, n := r.fleet, 0
	if f.must {
		for n < r.n && rate*(1-f.carried(n, rate)) > f.spare(rate) {
			n++
		}
		return n
	}
	for n < f.most && saves*rate*(f.carried(n+1, rate)-f.carried(n, rate)) > f.dollars(n+1)-f.dollars(n) {
		n++
	}
	return n
}
