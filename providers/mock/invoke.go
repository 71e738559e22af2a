package mock

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// outcome is what a call has come to.
type outcome struct {
	providers.Invocation
	err error
}

// Invoke waits for an instance to initialise if none is warm, and runs the function. It
// runs to its end even if nobody waits any more, as it does in a cloud.
func (f *Functions) Invoke(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
	const op = "invoke"
	ended, err := f.p.call(ctx, id, body)
	if err != nil {
		return providers.Invocation{}, err
	}
	select {
	case o := <-ended:
		if _, lost := answer(f.p, op, o.Invocation); lost != nil {
			return providers.Invocation{}, lost
		}
		return o.Invocation, o.err
	case <-ctx.Done():
		return providers.Invocation{}, failed(op, "the call goes on and is billed: allow more time", ctx.Err())
	case <-f.p.ctx.Done():
		return providers.Invocation{}, closed(op)
	}
}

// call begins a call.
func (p *Provider) call(ctx context.Context, id string, body []byte) (<-chan outcome, error) {
	const op = "invoke"
	if err := p.enter(ctx, op); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	i := p.find(id)
	if i < 0 {
		return nil, failed(op, "Ensure it first", fmt.Errorf("%w: function %q", providers.ErrNotFound, id))
	}
	cold, ok := p.world.Call(p.now(), i, p.functions[i].Offer)
	if !ok {
		p.account.Throttled++
		return nil, failed(op, "call again when others have ended", fmt.Errorf("%w: function %q", providers.ErrThrottled, id))
	}
	answer := make(chan outcome, 1)
	body = bytes.Clone(body) // the caller may go away before the call ends
	p.running.Go(func() { answer <- p.run(i, cold, body) })
	return answer, nil
}

// run is a call from its beginning to its end.
func (p *Provider) run(i int, cold time.Duration, body []byte) outcome {
	began := time.Now()
	if cold > 0 {
		select {
		case <-time.After(cold):
		case <-p.ctx.Done():
		}
	}
	o := outcome{Invocation: providers.Invocation{Cold: cold}}
	if p.ctx.Err() != nil {
		o.err = closed("invoke")
	} else if answer, err := p.options.Function(body); err != nil {
		o.err = failed("invoke", "see what the function reports", fmt.Errorf("%w: %w", providers.ErrFunction, err))
	} else {
		o.Body = answer
	}
	o.Billed = time.Since(began)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.world.Return(p.now(), i)
	p.account.call(p.functions[i].Offer.Cost(o.Billed), cold > 0)
	return o
}
