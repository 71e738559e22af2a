package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// Functions implements providers.Functions.
type Functions struct{ p *Provider }

var _ providers.Functions = (*Functions)(nil)

// Name is "local".
func (*Functions) Name() string { return name }

// Offers lists the functions of the options.
func (f *Functions) Offers(ctx context.Context) (offers []provisioner.FunctionOffer, err error) {
	if err := f.p.enter(ctx, "list function offers"); err != nil {
		return nil, err
	}
	defer f.p.mu.Unlock()
	for _, fn := range f.p.options.Functions {
		offers = append(offers, fn.Offer)
	}
	return offers, nil
}

// Ensure makes the function that the spec describes, unless there is one. No process is
// started before the first call.
func (f *Functions) Ensure(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
	const op = "ensure function"
	if err := f.p.enter(ctx, op); err != nil {
		return providers.Function{}, err
	}
	defer f.p.mu.Unlock()
	if err := s.Validate(); err != nil {
		return providers.Function{}, failed(op, "", err)
	}
	i := slices.IndexFunc(f.p.options.Functions, func(fn Function) bool { return fn.Offer == s.Offer })
	if i < 0 {
		return providers.Function{}, failed(op, "take one of Offers", fmt.Errorf("%w: function size %q", providers.ErrNotFound, s.Offer.Name))
	}
	for _, old := range f.p.functions {
		if old.spec == s && !old.removed {
			return answer(f.p, op, old.Function)
		}
	}
	program, err := f.p.runnable(s.Artifact, s.Setup)
	if err != nil {
		return providers.Function{}, failed(op, "", err)
	}
	made := providers.Function{ID: fmt.Sprintf("function-%d", len(f.p.functions)+1), FunctionSpec: s}
	made.Setup = ""
	f.p.functions = append(f.p.functions, &function{Function: made, spec: s, program: program, cold: f.p.options.Functions[i].Cold})
	return answer(f.p, op, made)
}

// List lists the owner's functions that have not been removed.
func (f *Functions) List(ctx context.Context, owner string) (list []providers.Function, err error) {
	const op = "list functions"
	if err := f.p.enter(ctx, op); err != nil {
		return nil, err
	}
	defer f.p.mu.Unlock()
	for _, fn := range f.p.functions {
		if fn.Owner == owner && !fn.removed {
			list = append(list, fn.Function)
		}
	}
	return answer(f.p, op, list)
}

// Remove removes a function at once. Its idle processes are told to end, and the others
// end with their calls.
func (f *Functions) Remove(ctx context.Context, id string) error {
	const op = "remove function"
	if err := f.p.enter(ctx, op); err != nil {
		return err
	}
	defer f.p.mu.Unlock()
	if fn := f.p.function(id); fn != nil {
		f.p.retire(fn)
	}
	_, err := answer(f.p, op, id)
	return err
}

// function is the one with an ID, nil if there is none.
func (p *Provider) function(id string) *function {
	i := slices.IndexFunc(p.functions, func(fn *function) bool { return fn.ID == id && !fn.removed })
	if i < 0 {
		return nil
	}
	return p.functions[i]
}
