package planner

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// Why there is no plan.
var (
	ErrSLO = errors.New("nothing that is offered meets the SLO")
	ErrFit = errors.New("nothing that is offered holds the model")
	// ErrCalls: more calls at once than the account allows, and no VMs to take them.
	ErrCalls = errors.New("too many function calls at once")
)

// SLOError tells what stands in the way of an SLO. It wraps ErrSLO.
type SLOError struct {
	SLO   SLO
	Best  time.Duration // the latency at the SLO's quantile that is possible; 0 if it is not known
	Stage int           // the one that takes the most of it, from 0
	Offer string        // on which it is the fastest
	Takes time.Duration // the stage there, at that quantile
}

func (e *SLOError) Error() string {
	what := fmt.Sprintf("%v of %v for a share of %v", ErrSLO, e.SLO.Latency, e.SLO.Quantile)
	why := fmt.Sprintf("stage %d takes up to %v even on %q", e.Stage+1, e.Takes, e.Offer)
	if e.Best == 0 {
		return fmt.Sprintf("%s: %s, and no grouping of the stages makes up for it: allow more, or give offers that are faster", what, why)
	}
	return fmt.Sprintf("%s: possible is %v, and %s: allow that, or give an offer that runs the stage faster", what, e.Best, why)
}

func (e *SLOError) Unwrap() error { return ErrSLO }

// possible is the error of an SLO that no offers could meet; nil if they could.
func (p *problem) possible() error {
	latency := p.SLO.Latency.Seconds()
	best := p.fastest(2 * latency)
	if best.within(latency) >= p.quantile {
		return nil
	}
	for end := 8 * latency; best.beyond > 1-p.quantile && end < 1e10; end *= 4 {
		best = p.fastest(end)
	}
	return p.tooSlow(best.quantile(p.quantile))
}

// fastest is the distribution of latencies up to an end if each stage ran on the offer on which
// it is fastest, without waiting or hops between stages.
func (p *problem) fastest(end float64) *spread {
	d, done := newSpread(end), newSpread(end)
	d.at[0] = 1
	hop := time.Duration(math.MaxInt64)
	if len(p.VMs) > 0 {
		hop = p.Network.VM.Time(p.into(0)) + p.Network.VM.Time(p.Network.Answer)
	}
	if len(p.Functions) > 0 {
		hop = min(hop, p.Network.Function.Time(p.into(0))+p.Network.Function.Time(p.Network.Answer))
	}
	for s := range p.stages {
		after := newSpread(end)
		_, times, _ := p.fastestOffer(s)
		after.add(d, 1, pointsOf(times, s, 1)...)
		on := p.goOn(s, s+1)
		done.add(after, 1-on, point{hop.Seconds(), 1})
		d = newSpread(end)
		d.add(after, on, point{0, 1})
	}
	return done
}

// tooSlow names the stage that is the slowest at the quantile.
func (p *problem) tooSlow(best time.Duration) error {
	e := &SLOError{SLO: SLO{p.quantile, p.SLO.Latency}}
	if best < math.MaxInt64 {
		e.Best = best.Round(time.Microsecond)
	}
	for _, d := range p.depths {
		if offer, _, takes := p.fastestOffer(d.last); takes > e.Takes {
			e.Stage, e.Offer, e.Takes = d.last, offer, takes
		}
	}
	return e
}

// fastestOffer is the one on which a stage takes the least at the quantile.
func (p *problem) fastestOffer(s int) (name string, times profile.Times, takes time.Duration) {
	takes = math.MaxInt64
	try := func(offer string, t profile.Times) {
		if q := t.Quantile(s, 1, p.quantile); times == nil || q < takes {
			name, times, takes = offer, t, q
		}
	}
	for _, v := range p.VMs {
		try(v.Offer.Name, v.Times)
	}
	for _, f := range p.Functions {
		try(f.Offer.Name, f.Times)
	}
	return name, times, takes
}
