package local

import (
	"errors"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
)

// Inject makes all calls of an operation fail that are answered from now on, until it is mended
// or another fault takes its place, so that a test sees what a program makes of it. A lost answer
// is told as a connection that broke: providers.ErrUnavailable. What Inject refuses, package
// fault says.
func (p *Provider) Inject(op fault.Op, k fault.Kind) (mend func(), err error) {
	if mend, err = p.faults.Inject(op, k); err != nil {
		return nil, failed("inject", "", err)
	}
	return mend, nil
}

// refused is why an operation is not to be begun, by the faults that there are. The provider is
// locked.
func (p *Provider) refused(op string) error {
	err := p.faults.Before(fault.Op(op))
	if err == nil {
		return nil
	}
	if fault.Op(op) == fault.Invoke && errors.Is(err, providers.ErrThrottled) {
		p.account.Throttled++
	}
	return failed(op, "mend what was injected", err)
}

// answer is that of an operation which has been done, unless it gets lost.
func answer[T any](p *Provider, op string, done T) (T, error) {
	if err := p.faults.After(fault.Op(op)); err != nil {
		var none T
		return none, failed(op, "it was done: ask again, or list", err)
	}
	return done, nil
}
