package serflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/stage"
)

const provider = "in-process"

// Infer answers one request: tensors of one sample, without a batch dimension. It
// returns an answer or an *Error. A stage that ignores its context may answer after the
// deadline; that is an answer all the same.
func (p *Pipeline) Infer(ctx context.Context, sample ...stage.Tensor) (Result, error) {
	for _, t := range sample {
		if err := t.Validate(); err != nil {
			return unanswered, p.refuse(ctx, p.badInput(err))
		}
	}
	batch, err := stage.Stack([][]stage.Tensor{sample})
	if err != nil {
		return unanswered, p.refuse(ctx, p.badInput(err))
	}
	results, err := p.InferBatch(ctx, batch...)
	if len(results) == 0 {
		return unanswered, err
	}
	return results[0], err
}

// InferBatch answers n requests at once: tensors whose first dimension is n. Rows
// that exit leave the batch, the rest go on. If the batch is taken, there is one
// Result for each row, in order; rows without an answer have Err set, and the error
// returned is theirs. Otherwise there are no results.
func (p *Pipeline) InferBatch(ctx context.Context, batch ...stage.Tensor) ([]Result, error) {
	rows, err := stage.Rows(batch)
	if err == nil {
		err = checkRows(rows, batch)
	}
	if err != nil {
		return nil, p.refuse(ctx, p.badInput(err))
	}
	f := flight{Pipeline: p, begun: time.Now(), results: make([]Result, rows), lender: -1}
	if f.ctx, err = p.begin(ctx, &f.call); err != nil {
		return nil, p.refuse(ctx, err)
	}
	if p.cloud != nil {
		defer p.end(&f.call)
		return p.rented(f.ctx, rows, batch)
	}
	if f.exits, f.checked = p.exits.admit(rows); f.checked != nil {
		defer f.check(batch) // once the call has ended
	}
	defer p.end(&f.call)
	if f.left = f.one[:]; rows > 1 {
		f.left = make([]waiting, rows)
	}
	for i := range f.left {
		f.left[i].row, f.results[i] = i, unanswered
	}
	return f.results, f.fly(batch)
}

// checkRows refuses a batch of nothing. Rows without data cost their sender nothing
// and us memory, so a shape such as [1<<40, 0] must not be believed.
func checkRows(rows int, batch []stage.Tensor) error {
	if rows == 0 {
		return fmt.Errorf("%w: a batch of no rows", ErrInput)
	}
	if rows > 1 && !slices.ContainsFunc(batch, func(t stage.Tensor) bool { return len(t.Data) > 0 }) {
		return fmt.Errorf("%w: a batch of %d rows without data", ErrInput, rows)
	}
	return nil
}

// refuse counts and reports a call that is turned away before any stage has run.
func (p *Pipeline) refuse(ctx context.Context, err error) error {
	p.recorder.refuse()
	p.observer.RequestDone(ctx, RequestEvent{Err: err})
	return err
}

func (p *Pipeline) badInput(err error) error {
	return &Error{Stage: p.model.Stages[0].Name, Group: p.group, Provider: p.provider, Err: err, Remedy: sendInput}
}

const sendInput = "send what the model's first stage takes: Infer one sample without a batch dimension, InferBatch rows"

// flight is the way of one batch through the stages.
type flight struct {
	*Pipeline
	call
	exits   *exitSet
	checked *sample // by the accuracy watch; nil if none is
	ctx     context.Context
	classes int64 // columns of logits, once an exit has shown them
	begun   time.Time
	results []Result
	left    []waiting                 // rows without an answer, in the order of the batch
	texts   map[string][]stage.Tensor // rows of the last stage's BYTES outputs
	lender  int                       // the stage whose runner made the batch's memory; -1 if we or the caller did
	one     [1]waiting                // left's memory for a single request
}

// waiting is a row that has not exited yet.
type waiting struct {
	row   int // in the caller's batch
	at    int // in the batch of the stage that has just run
	state exit.State
}

func (f *flight) fly(batch []stage.Tensor) error {
	for k := range f.model.Stages {
		out, err := f.stage(k, batch)
		if err != nil {
			return f.fail(k, err)
		}
		if len(f.left) == 0 {
			return nil
		}
		batch = out
	}
	return f.fail(len(f.model.Stages)-1, errors.New("no exit answered")) // Validate makes the last one final
}

// stage runs stage k, answers the rows that leave and returns the others' batch.
func (f *flight) stage(k int, batch []stage.Tensor) (rest []stage.Tensor, err error) {
	if err := f.ctx.Err(); err != nil {
		return nil, err
	}
	rows, bad, begun := len(f.left), 0, time.Now()
	defer func() {
		d, exited := time.Since(begun), rows-len(f.left)
		if err == nil {
			f.recorder.stage(k, rows, exited, bad, d)
		}
		f.observer.StageDone(f.ctx, StageEvent{f.model.Stages[k].Name, rows, exited, d, err})
	}()
	out, err := f.stages.Run(f.ctx, k, rows, batch)
	if err != nil {
		return nil, err
	}
	aliased := shareMemory(batch, out)
	if !aliased {
		f.recycle(batch, nil)
	}
	o, err := f.split(k, out)
	if err != nil {
		return nil, err
	}
	if f.lender = k; aliased {
		f.lender = -1 // the memory may be another runner's, or the caller's
	}
	bad, rest = f.decide(k, o)
	return rest, nil
}

// fail gives every row that is left the same error.
func (f *flight) fail(k int, err error) error {
	e := &Error{Stage: f.model.Stages[k].Name, Group: f.group, Provider: provider, Err: err}
	switch {
	case f.ctx.Err() != nil:
		e.Remedy, e.Err = ended(f.ctx)
	case errors.Is(err, ErrInput) && k == 0:
		e.Remedy = sendInput
	case errors.As(err, new(*PanicError)):
		e.Remedy = "mend the stage; errors.As with a *serflow.PanicError has the stack"
	case errors.Is(err, compute.ErrContract), errors.Is(err, ErrModel):
		e.Remedy = "mend the stage: it must take what the one before gives and return one row for each"
	default:
		e.Remedy = "the stage's runner returned this error"
	}
	for _, w := range f.left {
		f.results[w.row].Err = e
		f.done(-1, e)
	}
	return e
}

// done follows the end of a row, at the exit of stage k or with an error.
func (f *flight) done(k int, err error) {
	exit, took := "", time.Since(f.begun)
	if err == nil {
		exit = f.model.Stages[k].Name
	}
	f.recorder.request(err)
	f.recommender.saw(k)
	f.Pipeline.exits.ended(f.exits, k, took, err)
	f.observer.RequestDone(f.ctx, RequestEvent{exit, took, err})
}
