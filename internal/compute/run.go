package compute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// Output is what a stage has made of a batch.
type Output struct {
	Logits *stage.Tensor  // FP32 [rows, classes], what the exit decides on; nil if there are none
	Rest   []stage.Tensor // the next stage's inputs; of the last stage, what it answers beside the logits
	values []float32      // of Logits
}

// Classes is the number of columns of the logits; 0 without logits.
func (o Output) Classes() int64 {
	if o.Logits == nil {
		return 0
	}
	return o.Logits.Shape[1]
}

// Run calls stage k on a batch and checks what it returns. A panic is an error. Errors
// are the context's, stage.ErrInput if the first stage refuses what it was given,
// stage.ErrModel if its logits are none, and else stage.ErrFailed.
func (s *Stages) Run(ctx context.Context, k, rows int, batch []stage.Tensor) (out []stage.Tensor, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %w", stage.ErrFailed, stage.NewPanicError(v))
		}
	}()
	out, err = s.runners[k].Run(ctx, rows, batch)
	switch {
	case err == nil, ctx.Err() != nil, k == 0 && errors.Is(err, stage.ErrInput):
		return out, err
	case errors.Is(err, stage.ErrInput): // ours, not the caller's: stage k-1 gave it
		return nil, fmt.Errorf("%w: %w: %v", stage.ErrFailed, ErrContract, err)
	default:
		return nil, fmt.Errorf("%w: %w", stage.ErrFailed, err)
	}
}

// Split checks what stage k returned for rows and takes the logits out of it.
func (s *Stages) Split(k, rows int, out []stage.Tensor) (o Output, err error) {
	n, err := stage.Rows(out)
	if err != nil {
		return o, fmt.Errorf("%w: %w: its output: %v", stage.ErrFailed, ErrContract, err)
	}
	if n != rows {
		return o, fmt.Errorf("%w: %w: it returned %d rows for %d", stage.ErrFailed, ErrContract, n, rows)
	}
	o.Logits, o.Rest = without(out, stage.Logits)
	if k < s.Last() && len(o.Rest) == 0 {
		return o, fmt.Errorf("%w: %w: it returned nothing for stage %q", stage.ErrFailed, ErrContract, s.Model.Stages[k+1].Name)
	}
	if o.Logits == nil {
		if k == s.Last() || s.Model.Stages[k].Exit.Kind == exit.KindNever {
			return o, nil
		}
		return o, fmt.Errorf("%w: %w: it returned no %q for its exit", stage.ErrFailed, ErrContract, stage.Logits)
	}
	if l := o.Logits; l.DType != stage.FP32 || len(l.Shape) != 2 || l.Shape[1] < 1 {
		return o, fmt.Errorf("%w: logits are %v %v; an exit needs FP32 [rows, classes]", stage.ErrModel, l.DType, l.Shape)
	}
	o.values, err = stage.View32(*o.Logits)
	return o, err
}

// without takes the named tensor out of a list, which stays as it is: a runner may
// have returned its input, and that is the caller's.
func without(list []stage.Tensor, name string) (*stage.Tensor, []stage.Tensor) {
	i := slices.IndexFunc(list, func(t stage.Tensor) bool { return t.Name == name })
	switch i {
	case -1:
		return nil, list
	case 0:
		return &list[0], list[1:]
	default:
		return &list[i], append(list[:i:i], list[i+1:]...)
	}
}

// Decide asks an exit about one row. Without logits only the final one answers.
func (o Output) Decide(p exit.Policy, row int, state exit.State) exit.Decision {
	if o.Logits == nil {
		return exit.Decision{Leave: p.Kind == exit.KindFinal, Class: -1, State: state}
	}
	n := int(o.Logits.Shape[1])
	return p.Decide(o.values[row*n:(row+1)*n], state)
}
