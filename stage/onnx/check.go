package onnx

import (
	"fmt"
	"strings"

	"github.com/serflow/serflow-go/stage"
)

// check returns the inputs in the model's order, which is in itself if that is
// the caller's order. Its errors wrap [stage.ErrInput] and say which input is
// wrong, what it is and what is wanted.
func (r *runner) check(rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	if rows < 1 {
		return nil, fmt.Errorf("%w: %d rows, want at least 1", stage.ErrInput, rows)
	}
	if !r.ordered(in) {
		var err error
		if in, err = r.order(in); err != nil {
			return nil, err
		}
	}
	for i, want := range r.inputs {
		if err := want.check(rows, in[i]); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (r *runner) ordered(in []stage.Tensor) bool {
	if len(in) != len(r.inputs) {
		return false
	}
	for i := range in {
		if in[i].Name != r.inputs[i].name {
			return false
		}
	}
	return true
}

// order copies the inputs into the model's order: each once, and none unknown.
func (r *runner) order(in []stage.Tensor) ([]stage.Tensor, error) {
	byName := make(map[string]stage.Tensor, len(in))
	for _, t := range in {
		if _, twice := byName[t.Name]; twice {
			return nil, fmt.Errorf("%w: input %q is given twice, want it once", stage.ErrInput, t.Name)
		}
		byName[t.Name] = t
	}
	args := make([]stage.Tensor, len(r.inputs))
	names := make([]string, len(r.inputs))
	for i, want := range r.inputs {
		t, ok := byName[want.name]
		if !ok {
			return nil, fmt.Errorf("%w: input %q is missing, want %v of shape %v", stage.ErrInput, want.name, want.dtype, want)
		}
		args[i], names[i] = t, want.name
		delete(byName, want.name)
	}
	for name := range byName {
		return nil, fmt.Errorf("%w: input %q is unknown, the model takes %s", stage.ErrInput, name, strings.Join(names, ", "))
	}
	return args, nil
}

func (want spec) check(rows int, got stage.Tensor) error {
	if got.DType != want.dtype {
		return fmt.Errorf("%w: input %q has dtype %v, want %v", stage.ErrInput, want.name, got.DType, want.dtype)
	}
	if len(got.Shape) > 0 && got.Shape[0] != int64(rows) {
		return fmt.Errorf("%w: input %q has %d rows, want %d", stage.ErrInput, want.name, got.Shape[0], rows)
	}
	if !want.accepts(got.Shape) {
		return fmt.Errorf("%w: input %q has shape %v, want %v", stage.ErrInput, want.name, got.Shape, want)
	}
	if err := got.Validate(); err != nil {
		return fmt.Errorf("input %q: %w", want.name, err)
	}
	return nil
}
