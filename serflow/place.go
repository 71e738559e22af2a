package serflow

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// place is a VM or a function that serves requests, for some stages. While requests move to another plan a VM
// may be two places, of one worker and one ID.
type place struct {
	id       uint64 // the balancer's
	name     string // the provider's ID
	kind     balancer.Kind
	provider string
	offer    string // its name
	stages   stage.Range
	travel   time.Duration // there and back
	group    *groupCount

	worker  *remote.Worker // of a VM
	perSlot float64        // dollars for a second of one slot of it
	boot    time.Duration  // from its launch until it was ready; 0 if we have not launched it
	suspect chan struct{}  // has a value if a request had trouble with it
	spared  *atomic.Bool   // it is sent nothing until it has been looked at

	function provisioner.FunctionOffer
	colds    []time.Duration // cold starts that were met before it was given requests
}

// attempt is what became of a request at a place.
type attempt struct {
	number  uint32
	place   *place
	reply   balancer.Reply
	part    remote.Part   // of Exited and Passed
	seen    []remote.Seen // what the exits said that have run, if they were asked
	took    time.Duration
	stages  []time.Duration // what the place worked at each stage that ran
	billed  time.Duration   // of a call of a function, without its cold start
	cold    time.Duration
	dollars float64
}

// send has a place serve a request, and returns what the request's machine is to be told.
func (c *cloud) send(ctx context.Context, p *place, r remote.Request) (a attempt) {
	begun := time.Now()
	a.place = p
	var reply remote.Reply
	var err error
	if p.kind == balancer.Function {
		reply, err = c.call(p, r, &a)
	} else {
		reply, err = p.worker.Run(ctx, r)
		a.dollars = reply.Service.Seconds() * p.perSlot
	}
	a.took = time.Since(begun)
	if err != nil {
		a.reply = balancer.Reply{Outcome: outcome(err), Err: err}
		if errors.Is(err, remote.ErrUnavailable) {
			c.doubt(p)
		}
	} else {
		a.stages = reply.Times
		a.part = reply.Parts[0] // one row is in one part
		if len(reply.Seen) > 0 {
			a.seen = reply.Seen[0]
		}
		a.reply = balancer.Reply{Outcome: balancer.Passed, Stage: a.part.Stage, Service: reply.Service, Load: reply.Load}
		if a.part.Exited {
			a.reply.Outcome = balancer.Exited
		}
	}
	p.group.record(&a)
	return a
}

// call calls a function for a request. A call that nobody waits for any more runs on all
// the same, and is billed: it is waited for, until the pipeline is closed, so that the bill
// is right.
func (c *cloud) call(p *place, r remote.Request, a *attempt) (remote.Reply, error) {
	ctx, cancel := context.WithTimeout(c.ctx, longestCall)
	defer cancel()
	reply, err := c.invoke(ctx, p, r, a)
	if errors.Is(err, providers.ErrNotFound) {
		c.remake(p)
	}
	return reply, err
}

// outcome says what a request's machine is to make of an error. What a provider calls invalid, as a body
// that is too large or credentials that have expired, is no sign of load, and waiting would not help.
func outcome(err error) balancer.Outcome {
	switch {
	case errors.Is(err, stage.ErrInput):
		return balancer.Invalid
	case errors.Is(err, providers.ErrInvalid):
		return balancer.Failed
	case errors.Is(err, remote.ErrRefused), providers.Refused(err):
		return balancer.Refused
	}
	return balancer.Failed
}

// doubt has a VM looked at soon. Until then it is sent nothing, if functions can take over
// all that it serves: of VMs that are lost together, a request would try one after the other.
func (c *cloud) doubt(p *place) {
	if p.kind == balancer.Function {
		return
	}
	if c.alone(p.stages) < 0 {
		p.spared.Store(true)
		c.balancer.Drain(p.id)
	}
	select {
	case p.suspect <- struct{}{}:
	default: // it will be
	}
}
