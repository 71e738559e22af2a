package onnx

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
)

// A slot holds what one run at a time needs: the bindings for inputs of given
// shapes, and the run options by which the run is terminated.
type slot struct {
	in, out     []cell
	inVals      []ort.Value
	outVals     []ort.Value
	options     *ort.RunOptions
	terminate   func()        // calls options.Terminate, then sends on terminated
	terminated  chan struct{} // of capacity 1
	pins        runtime.Pinner
	outShapeLen int
}

// newSlot is a slot for inputs like these, which have been checked.
func newSlot(r *runner, rows int, in []stage.Tensor) (*slot, error) {
	options, err := ort.NewRunOptions()
	if err != nil {
		return nil, err
	}
	s := &slot{
		in: make([]cell, len(r.inputs)), inVals: make([]ort.Value, len(r.inputs)),
		out: make([]cell, len(r.outputs)), outVals: make([]ort.Value, len(r.outputs)),
		options: options, terminated: make(chan struct{}, 1),
	}
	s.terminate = func() {
		_ = options.Terminate()
		s.terminated <- struct{}{}
	}
	for i, spec := range r.inputs {
		if s.in[i], err = newCell(spec, in[i].Shape); err != nil {
			s.destroy()
			return nil, err
		}
	}
	for i, spec := range r.outputs {
		shape := slices.Clone(spec.shape)
		if shape[0] >= 0 && shape[0] != int64(rows) {
			s.destroy()
			return nil, fmt.Errorf("output %q always has %d rows, want %d", spec.name, shape[0], rows)
		}
		shape[0] = int64(rows)
		if s.out[i], err = newCell(spec, shape); err != nil {
			s.destroy()
			return nil, err
		}
		s.outShapeLen += len(shape)
	}
	return s, nil
}

// fits tells whether the slot is for inputs of these shapes.
func (s *slot) fits(in []stage.Tensor) bool {
	for i := range in {
		if !slices.Equal(s.in[i].shape, in[i].Shape) {
			return false
		}
	}
	return true
}

func (s *slot) destroy() {
	for i := range s.in {
		s.in[i].destroy()
	}
	for i := range s.out {
		s.out[i].destroy()
	}
	_ = s.options.Destroy()
}

// run binds, runs and collects. Only while it runs may ONNX Runtime touch the
// memory of the bindings, so it is pinned for that long.
func (s *slot) run(ctx context.Context, session *ort.DynamicAdvancedSession, spare *buffers, rows int, in []stage.Tensor) (_ []stage.Tensor, err error) {
	defer s.unbind()
	for i := range in {
		if s.inVals[i], err = s.in[i].bindInput(&s.pins, in[i].Data); err != nil {
			return nil, fmt.Errorf("bind input %q: %w", in[i].Name, err)
		}
	}
	for i := range s.out {
		if s.outVals[i], err = s.out[i].bindOutput(&s.pins, spare); err != nil {
			return nil, fmt.Errorf("bind output %q: %w", s.out[i].name, err)
		}
	}
	if err := s.compute(ctx, session); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if strings.Contains(err.Error(), "shape verification failed") { // the binding has no typed errors
			err = fmt.Errorf("an output has another shape than the model announces for %d rows: %w", rows, err)
		}
		return nil, err
	}
	return s.collect(spare, rows)
}

// compute runs the session until it is done or the context ends. When it
// returns, the context can no longer terminate these options, and they are
// clean for the next run.
func (s *slot) compute(ctx context.Context, session *ort.DynamicAdvancedSession) error {
	if ctx.Done() == nil {
		return session.RunWithOptions(s.inVals, s.outVals, s.options)
	}
	stop := context.AfterFunc(ctx, s.terminate)
	err := session.RunWithOptions(s.inVals, s.outVals, s.options)
	if !stop() {
		<-s.terminated
		if e := s.options.UnsetTerminate(); err == nil {
			err = e
		}
	}
	return err
}

// collect makes the caller's tensors of the bound outputs.
func (s *slot) collect(spare *buffers, rows int) ([]stage.Tensor, error) {
	tensors := make([]stage.Tensor, len(s.out))
	shapes := make([]int64, 0, s.outShapeLen)
	for i := range s.out {
		c := &s.out[i]
		shape, data, err := c.output(s.outVals[i], spare)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", c.name, err)
		}
		if len(shape) == 0 || shape[0] != int64(rows) {
			return nil, fmt.Errorf("output %q has shape %v, want %d rows", c.name, shape, rows)
		}
		start := len(shapes)
		shapes = append(shapes, shape...)
		tensors[i] = stage.Tensor{Name: c.name, DType: c.dtype, Shape: shapes[start:len(shapes):len(shapes)], Data: data}
	}
	return tensors, nil
}

// unbind frees what was bound for this run only.
func (s *slot) unbind() {
	s.pins.Unpin()
	for i := range s.in {
		s.in[i].unbind(&s.inVals[i])
	}
	for i := range s.out {
		s.out[i].unbind(&s.outVals[i])
	}
}
