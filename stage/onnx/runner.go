package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
)

// maxIdle bounds the slots kept between runs, and so the memory they hold.
const maxIdle = 32

var errClosed = errors.New("the stage is closed")

// runner is an open model. It is safe for concurrent use.
type runner struct {
	name            string
	session         *ort.DynamicAdvancedSession
	inputs, outputs []spec
	spare           buffers // outputs handed back

	mu       sync.Mutex
	closed   bool
	running  sync.WaitGroup
	idle     []*slot // the longest unused first
	closing  sync.Once
	closeErr error
}

// Run computes the outputs of one batch. It keeps nothing of in, whose Data
// must not change while it runs; the outputs are the caller's, who may hand them
// back to Recycle. Then a run allocates the same few hundred bytes whatever the size
// of its tensors, unless the model leaves an output's dimensions open.
//
// A bad input gives an error that wraps [stage.ErrInput]. When ctx ends, the
// run stops before the next operator of the model, with ctx.Err() wrapped.
func (r *runner) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	out, err := r.run(ctx, rows, in)
	if err != nil {
		return nil, fmt.Errorf("onnx: run %s: %w", r.name, err)
	}
	return out, nil
}

func (r *runner) run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, err := r.check(rows, in)
	if err != nil {
		return nil, err
	}
	s, err := r.acquire(in)
	if err != nil {
		return nil, err
	}
	defer r.running.Done()
	if s == nil {
		if s, err = newSlot(r, rows, in); err != nil {
			return nil, err
		}
	}
	out, err := s.run(ctx, r.session, &r.spare, rows, in)
	r.release(s)
	return out, err
}

// acquire counts a run, which ends by r.running.Done, and takes an idle slot
// for inputs of these shapes. There may be none.
func (r *runner) acquire(in []stage.Tensor) (*slot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	r.running.Add(1)
	for i := len(r.idle) - 1; i >= 0; i-- {
		if s := r.idle[i]; s.fits(in) {
			r.idle = slices.Delete(r.idle, i, i+1)
			return s, nil
		}
	}
	return nil, nil
}

// release keeps the slot for a later run, at the expense of the longest unused.
func (r *runner) release(s *slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, s)
	if len(r.idle) > maxIdle {
		r.idle[0].destroy()
		r.idle = slices.Delete(r.idle, 0, 1)
	}
}

// Ports are what the model takes and gives.
func (r *runner) Ports() (inputs, outputs []stage.Port) { return ports(r.inputs), ports(r.outputs) }

// Recycle keeps the memory of outputs for later runs.
func (r *runner) Recycle(outputs []stage.Tensor) {
	for _, t := range outputs {
		r.spare.give(t.Data)
	}
}

// Close waits for the running runs and frees the session. Later runs fail. It
// may be called again, also at the same time, with the same result.
func (r *runner) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.running.Wait()
	r.closing.Do(func() {
		for _, s := range r.idle {
			s.destroy()
		}
		r.idle = nil
		if err := r.session.Destroy(); err != nil {
			r.closeErr = fmt.Errorf("onnx: close %s: %w", r.name, err)
		}
	})
	return r.closeErr
}
