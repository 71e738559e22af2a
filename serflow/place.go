package serflow

import (
	"context"
	"errors"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// place is a VM or a function that serves requests.
type place struct {
	id       uint64 // the balancer's
	name     string // the provider's ID
	kind     balancer.Kind
	provider string
	stages   stage.Range
	group    *groupCount

	worker  *remote.Worker // of a VM
	perSlot float64        // dollars for a second of one slot of it
	suspect chan struct{}  // has a value if a request could not reach it

	function provisioner.FunctionOffer
}

// attempt is what became of a request at a place.
type attempt struct {
	number  uint32
	place   *place
	reply   balancer.Reply
	part    remote.Part // of Exited and Passed
	took    time.Duration
	dollars float64
}

// send has a place serve a request, and returns what the request's machine is to be told.
func (c *cloud) send(ctx context.Context, p *place, r remote.Request) (a attempt) {
	begun := time.Now()
	a.place = p
	var reply remote.Reply
	var err error
	if p.kind == balancer.Function {
		reply, err = c.invoke(p, r, &a)
	} else {
		reply, err = p.worker.Run(ctx, r)
		a.dollars = reply.Service.Seconds() * p.perSlot
	}
	a.took = time.Since(begun)
	if err != nil {
		a.reply = balancer.Reply{Outcome: outcome(err), Err: err}
		if errors.Is(err, remote.ErrUnavailable) {
			p.doubt()
		}
	} else {
		a.part = reply.Parts[0] // one row is in one part
		a.reply = balancer.Reply{Outcome: balancer.Passed, Stage: a.part.Stage, Service: reply.Service, Load: reply.Load}
		if a.part.Exited {
			a.reply.Outcome = balancer.Exited
		}
	}
	p.group.record(&a)
	return a
}

// invoke calls a function. A call that nobody waits for any more runs on all the same, and is
// billed: it is waited for to the end, so that the bill is right.
func (c *cloud) invoke(p *place, r remote.Request, a *attempt) (remote.Reply, error) {
	r.Fingerprint = c.fingerprint
	return remote.Over(c.ctx, r, func(ctx context.Context, body []byte) ([]byte, error) {
		inv, err := c.functions.Invoke(ctx, p.name, body)
		if inv.Billed > 0 || err == nil {
			a.dollars = p.function.Cost(inv.Billed)
		}
		return inv.Body, err
	})
}

// outcome says what a request's machine is to make of an error.
func outcome(err error) balancer.Outcome {
	switch {
	case errors.Is(err, stage.ErrInput):
		return balancer.Invalid
	case errors.Is(err, remote.ErrRefused), providers.Refused(err):
		return balancer.Refused
	}
	return balancer.Failed
}

// doubt has a VM looked after at once.
func (p *place) doubt() {
	select {
	case p.suspect <- struct{}{}:
	default: // it is, or a function
	}
}
