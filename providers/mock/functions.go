package mock

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

// function is one that has been made; its number is its place in the list of all.
type function struct {
	providers.Function
	spec    providers.FunctionSpec // with its setup, which nobody is shown
	removed bool
}

// Name is "mock".
func (*Functions) Name() string { return "mock" }

// Offers lists the functions of the options.
func (f *Functions) Offers(ctx context.Context) ([]provisioner.FunctionOffer, error) {
	if err := f.p.enter(ctx, "list function offers"); err != nil {
		return nil, err
	}
	defer f.p.mu.Unlock()
	return slices.Clone(f.p.options.Functions), nil
}

// Ensure makes the function that the spec describes, unless there is one.
func (f *Functions) Ensure(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
	const op = "ensure function"
	if err := f.p.enter(ctx, op); err != nil {
		return providers.Function{}, err
	}
	defer f.p.mu.Unlock()
	if err := s.Validate(); err != nil {
		return providers.Function{}, failed(op, "", err)
	}
	if !slices.Contains(f.p.options.Functions, s.Offer) {
		return providers.Function{}, failed(op, "take one of Offers", fmt.Errorf("%w: function size %q", providers.ErrNotFound, s.Offer.Name))
	}
	for _, old := range f.p.functions {
		if old.spec == s && !old.removed {
			return answer(f.p, op, old.Function)
		}
	}
	made := providers.Function{ID: fmt.Sprintf("function-%d", len(f.p.functions)+1), FunctionSpec: s}
	made.Setup = ""
	f.p.functions = append(f.p.functions, &function{Function: made, spec: s})
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

// Remove removes a function at once.
func (f *Functions) Remove(ctx context.Context, id string) error {
	const op = "remove function"
	if err := f.p.enter(ctx, op); err != nil {
		return err
	}
	defer f.p.mu.Unlock()
	if i := f.p.find(id); i >= 0 {
		f.p.functions[i].removed = true
	}
	_, err := answer(f.p, op, id)
	return err
}

// find is the number of a function, -1 if there is none.
func (p *Provider) find(id string) int {
	return slices.IndexFunc(p.functions, func(fn *function) bool { return fn.ID == id && !fn.removed })
}
