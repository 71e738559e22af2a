// Package compute runs the stages of a model, one batch of one stage at a time, and asks
// their exits. What it calls is the user's code: a panic in it becomes an error, and what
// it returns is checked before anything is made of it.
package compute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// ErrContract marks what only the author of a stage can mend. It comes with
// stage.ErrFailed.
var ErrContract = errors.New("it broke its contract")

// Blame makes the error of a stage: remedy is what the reader can do, if that is known.
type Blame func(stage, remedy string, err error) error

// Stages are a model's, open. They are safe for concurrent use.
type Stages struct {
	Model   stage.Model
	runners []stage.Runner
	blame   Blame
}

// Open checks a model and opens its stages. The error wraps stage.ErrModel if the
// description is wrong or stages do not fit each other, as far as they say what they
// take and give. Stages opened before one that cannot be are closed again.
func Open(ctx context.Context, model stage.Model, blame Blame) (*Stages, error) {
	if err := model.Validate(); err != nil {
		return nil, blame("", "", err)
	}
	s := &Stages{Model: model, blame: blame}
	s.Model.Stages = slices.Clone(model.Stages) // what the caller changes later is not served
	for _, st := range model.Stages {
		r, err := open(ctx, st.Source)
		if err != nil {
			return nil, errors.Join(blame(st.Name, "", err), s.Close())
		}
		s.runners = append(s.runners, r)
	}
	if err := s.checkWiring(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open turns a panic and a runner that is not there into errors.
func open(ctx context.Context, s stage.Source) (r stage.Runner, err error) {
	defer func() {
		if v := recover(); v != nil {
			r, err = nil, fmt.Errorf("%w: in Open: %w", stage.ErrFailed, stage.NewPanicError(v))
		} else if err == nil && r == nil {
			err = fmt.Errorf("%w: its source opened nothing", stage.ErrModel)
		}
	}()
	return s.Open(ctx)
}

// Close closes the stages, once what they run has ended. Its error is that of all that
// could not be closed.
func (s *Stages) Close() error {
	var errs []error
	for k, r := range s.runners {
		if err := closeRunner(r); err != nil {
			errs = append(errs, s.blame(s.Model.Stages[k].Name, "", err))
		}
	}
	return errors.Join(errs...)
}

func closeRunner(r stage.Runner) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: in Close: %w", stage.ErrFailed, stage.NewPanicError(v))
		}
	}()
	return r.Close()
}

// Last is the index of the last stage.
func (s *Stages) Last() int { return len(s.runners) - 1 }

// Ports is what a stage takes and gives; ok is false if it does not say.
func (s *Stages) Ports(k int) (inputs, outputs []stage.Port, ok bool) {
	d, ok := s.runners[k].(stage.Describer)
	if !ok {
		return nil, nil, false
	}
	inputs, outputs = d.Ports()
	return inputs, outputs, true
}

// Recycle hands memory back to the stage that returned it, if it wants it.
func (s *Stages) Recycle(k int, outputs []stage.Tensor) {
	if r, ok := s.runners[k].(stage.Recycler); ok {
		r.Recycle(outputs)
	}
}
