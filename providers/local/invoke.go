package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/internal/exhausted"
	"github.com/serflow/serflow-go/providers"
)

// outcome is what a call has come to.
type outcome struct {
	providers.Invocation
	err error
}

// Invoke calls a warm process, or waits for a new one. The call runs to its end even if
// nobody waits any more, as it does in a cloud.
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
	}
}

// call begins a call.
func (p *Provider) call(ctx context.Context, id string, body []byte) (<-chan outcome, error) {
	const op = "invoke"
	if err := p.enter(ctx, op); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	fn := p.function(id)
	if fn == nil {
		return nil, failed(op, "Ensure it first", fmt.Errorf("%w: function %q", providers.ErrNotFound, id))
	}
	if p.calls >= p.options.Concurrency || fn.Offer.Concurrency > 0 && p.calls >= fn.Offer.Concurrency {
		p.account.Throttled++
		return nil, failed(op, "call again when others have ended", fmt.Errorf("%w: function %q", providers.ErrThrottled, id))
	}
	p.calls++
	x := fn.take()
	answer := make(chan outcome, 1)
	body = bytes.Clone(body) // the caller may go away before the call ends
	p.running.Go(func() { answer <- p.run(fn, x, body) })
	return answer, nil
}

// run is a call from its beginning to its end, in a process if one is warm.
func (p *Provider) run(fn *function, x *process, body []byte) (o outcome) {
	cold := x == nil
	began := time.Now()
	if cold {
		x, o.err = p.coldStart(fn)
		o.Cold = time.Since(began)
	}
	if o.err == nil {
		o.Body, o.err = p.ask(x, body)
	}
	o.Billed = time.Since(began)
	healthy := x != nil && (o.err == nil || errors.Is(o.err, errAnswered) || exhausted.Is(o.err))
	if x != nil && !healthy {
		x.child.end()
		o.err = x.child.postmortem(o.err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls--
	if healthy {
		p.put(fn, x)
	}
	return p.settle(fn, o, cold)
}

// ask makes a call that is broken off, with its process, when its time is over.
func (p *Provider) ask(x *process, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.options.Timeout)
	defer cancel()
	answer, err := x.call(ctx, p.credential, body)
	if ctx.Err() == context.DeadlineExceeded && err != nil {
		x.child.kill()
		return nil, fmt.Errorf("it ran for more than %v, as long as Options.Timeout allows, and was killed", p.options.Timeout)
	}
	return answer, err
}

// settle bills a call, and gives its error a name. The provider is locked.
func (p *Provider) settle(fn *function, o outcome, cold bool) outcome {
	const op = "invoke"
	if exhausted.Is(o.err) {
		// Not ErrFunction, which would have run: it is certain that it has not.
		p.account.Throttled++
		return outcome{err: failed(op, "call again when others have ended, or raise the limit of open files",
			fmt.Errorf("%w: %s: %w", providers.ErrThrottled, fn.ID, o.err))}
	}
	p.account.call(fn.Offer.Cost(o.Billed), cold)
	switch {
	case o.err == nil:
	case p.ctx.Err() != nil:
		o.err = closed(op)
	default:
		o.err = failed(op, "see Options.Log for what it says", fmt.Errorf("%w: %s: %w", providers.ErrFunction, fn.ID, o.err))
	}
	return o
}
