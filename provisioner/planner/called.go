package planner

import (
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// called is a function that takes over in a trial.
type called struct {
	member   balancer.Member
	times    profile.Times
	overhead time.Duration
	cold     time.Duration
	colds    float64 // share of the calls that meet a cold start
	// What calls cost, in calls that run through the fleet's stages.
	fee  float64
	runs []float64 // by stage
}

// newCalled describes the function of a group. Its instances are warm but for the share that
// the Ask says, for a trial is too short to see one that is kept from one peak to the next; and
// what the account allows is for all groups together: see crowded.
func (p *problem) newCalled(e provisioner.Expect, g provisioner.FunctionGroup, first int) called {
	offer := p.reference.offer[first+g.Stages.First]
	f := p.Functions[offer]
	c := called{member: e.Function(g), times: e.Times[f.Offer.Name], overhead: f.Overhead, cold: f.Cold, colds: f.ColdShare}
	c.member.Slots = 0
	tick := f.Offer.Cost(1) - f.Offer.PerCall // on average half of it is rounded up
	c.fee = f.cost(f.Overhead+1) - tick/2
	perSecond := f.Offer.Cost(time.Second) - f.Offer.PerCall
	for s := range e.Plan.Reach {
		c.runs = append(c.runs, perSecond*p.functions[offer].mean[first+s])
	}
	return c
}

// price is that of a call which runs some stages, in calls that run through the fleet's.
func (c *called) price(from, to int) float64 {
	sum := c.fee
	for s := from; s <= to; s++ {
		sum += c.runs[s]
	}
	return sum
}

// draw is how long such a call takes.
func (c *called) draw(from, to int, r *rand.Rand) time.Duration {
	d := c.overhead
	if c.colds > 0 && r.Float64() < c.colds {
		d += c.cold
	}
	for s := from; s <= to; s++ {
		d += c.times.Draw(s, 1, r)
	}
	return d
}

// weigh makes the expected price of the way through the fleet's stages 1.
func (t *trial) weigh() {
	all := 0.0
	for _, c := range t.calls {
		reached := 1.0
		for s := range c.member.Stages.First {
			reached *= t.goOn[s]
		}
		if c.member.Stages.First > t.last {
			continue
		}
		all += reached * c.fee
		for s := c.member.Stages.First; s <= c.member.Stages.Last; s++ {
			all += reached * c.runs[s]
			reached *= t.goOn[s]
		}
	}
	for i := range t.calls {
		c := &t.calls[i]
		c.fee /= all
		for s := range c.runs {
			c.runs[s] /= all
		}
	}
}
