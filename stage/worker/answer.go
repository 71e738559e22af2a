package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// answer does what a request asks that arrived at the given time. Its error is a
// *wire.Error. The reply shares memory with the request.
func (w *worker) answer(ctx context.Context, arrived time.Duration, r *wire.Request) (*call, error) {
	if r.Plain {
		r.Stages = stage.Range{Last: w.stages.Last()}
	}
	w.hold(ctx, r)
	rows, err := w.check(r)
	if err != nil {
		return nil, err
	}
	if most := cmp.Or(w.setup.Load().Limit, limit); rows > most {
		return nil, fault(wire.TooLarge, "%d rows at once: this worker takes %d; send fewer", rows, most)
	}
	c := newCall(ctx, r.Stages.First, w.exits(r), r.States, rows, r.Inputs)
	c.keep, c.idle = r.Keep, r.Idle
	if len(r.Asked) > 0 {
		c.asked = r.Asked
	}
	if err := w.serve(c, r.Stages.Last, deadline(arrived, r.Remaining)); err != nil {
		return nil, refusal(err)
	}
	for i := range c.jobs {
		if err := c.jobs[i].err; err != nil {
			return nil, refusal(err)
		}
	}
	return c, nil
}

// deadline is when a request's time is over; the time that its body took to come is part of it.
func deadline(arrived, remaining time.Duration) time.Duration {
	if remaining <= 0 || remaining >= queue.Never-arrived {
		return queue.Never
	}
	return arrived + remaining
}

// check holds a request to the model.
func (w *worker) check(r *wire.Request) (rows int, err error) {
	stages := w.stages.Model.Stages
	switch {
	case !r.Plain && r.Fingerprint != w.fingerprint:
		return 0, fault(wire.Fingerprint, "the request is for model %.12s, and this worker has %.12s: deploy the same program to both", r.Fingerprint, w.fingerprint)
	case r.Stages.First < 0 || r.Stages.Len() < 1 || r.Stages.Last >= len(stages):
		return 0, fault(wire.Invalid, "%v of a model of %d", r.Stages, len(stages))
	case len(r.Exits) > 0 && len(r.Exits) != r.Stages.Len(), len(r.Asked) > 0 && len(r.Asked) != r.Stages.Len():
		return 0, fault(wire.Invalid, "%d exits for %v, and %d to be asked beside: send one for each, or none", len(r.Exits), r.Stages, len(r.Asked))
	}
	for i, p := range r.Exits {
		if err := p.Validate(); err != nil {
			return 0, fault(wire.Invalid, "the exit of stage %d: %v", r.Stages.First+i+1, err)
		}
		if last := r.Stages.First+i == w.stages.Last(); last != (p.Kind == exit.KindFinal) {
			return 0, fault(wire.Invalid, "the exit of stage %d of %d is %s: the last one, and only it, is final", r.Stages.First+i+1, len(stages), p.Kind)
		}
	}
	rows, err = stage.Rows(r.Inputs)
	switch {
	case err != nil:
		return 0, fault(wire.Invalid, "%v", err)
	case rows == 0:
		return 0, fault(wire.Invalid, "a batch of no rows")
	case len(r.States) > 0 && len(r.States) != rows:
		return 0, fault(wire.Invalid, "%d states for %d rows", len(r.States), rows)
	}
	return rows, nil
}

// exits are those that a request brings, or else the model's.
func (w *worker) exits(r *wire.Request) []exit.Policy {
	if len(r.Exits) > 0 {
		return r.Exits
	}
	exits := make([]exit.Policy, 0, r.Stages.Len())
	for _, s := range w.stages.Model.Stages[r.Stages.First : r.Stages.Last+1] {
		exits = append(exits, s.Exit)
	}
	return exits
}

func fault(code wire.Code, format string, args ...any) error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// refusal says by its code what the sender is to make of an error. A stage that fails may
// wrap anything at all, so that is looked at first.
func refusal(err error) error {
	code := wire.StageFailed
	switch {
	case errors.Is(err, stage.ErrFailed):
	case errors.Is(err, queue.ErrFull):
		code = wire.Full
	case errors.Is(err, queue.ErrDraining), errors.Is(err, errClosed):
		code = wire.Draining
	case errors.Is(err, stage.ErrInput):
		code = wire.Invalid
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		code = wire.Late
	}
	return fault(code, "%v", err)
}

// reply sorts the rows of a call by what became of them. Rows whose tensors differ in form
// do not fit into one batch, and so not into one part.
func (w *worker) reply(c *call) (*wire.Reply, error) {
	r := &wire.Reply{Model: w.stages.Model.Name, Load: w.load(), Parts: make([]wire.Part, 0, min(len(c.jobs), len(w.stages.Model.Stages)))}
	for i := range c.jobs {
		j := &c.jobs[i]
		r.Service = max(r.Service, j.service)
		n := slices.IndexFunc(r.Parts, func(p wire.Part) bool {
			first := &c.jobs[p.Rows[0]]
			return p.Exited == j.exited && p.Stage == j.stage && alike(first.result(), j.result())
		})
		if n < 0 {
			n = len(r.Parts)
			r.Parts = append(r.Parts, wire.Part{Exited: j.exited, Stage: j.stage})
		}
		p := &r.Parts[n]
		p.Rows = append(p.Rows, i)
		if j.exited {
			p.Class, p.Confidence = append(p.Class, j.decision.Class), append(p.Confidence, j.decision.Confidence)
		} else {
			p.States = append(p.States, j.state)
		}
	}
	if len(c.jobs) == 1 || !slices.ContainsFunc(c.jobs, func(j job) bool { return j.apart }) {
		r.Times = c.jobs[0].times
	}
	if c.asked != nil {
		for i := range c.jobs {
			r.Seen = append(r.Seen, c.jobs[i].seen)
		}
	}
	slices.SortStableFunc(r.Parts, func(a, b wire.Part) int { return cmp.Compare(a.Stage, b.Stage) })
	for n := range r.Parts {
		if err := fill(&r.Parts[n], c); err != nil {
			return nil, refusal(err)
		}
	}
	return r, nil
}

// result is the tensors that a row comes back with.
func (j *job) result() []stage.Tensor {
	switch {
	case j.exited:
		return j.answer
	case j.stage == j.first: // as it was sent: the sender has them
		return nil
	}
	return j.sample
}

// alike tells whether samples can be rows of one batch.
func alike(a, b []stage.Tensor) bool {
	return slices.EqualFunc(a, b, func(t, u stage.Tensor) bool {
		return t.Name == u.Name && t.DType == u.DType && slices.Equal(t.Shape, u.Shape)
	})
}

// fill adds the tensors of a part.
func fill(p *wire.Part, c *call) (err error) {
	if len(c.jobs[p.Rows[0]].result()) == 0 {
		return nil
	}
	samples := make([][]stage.Tensor, len(p.Rows))
	for i, row := range p.Rows {
		samples[i] = c.jobs[row].result()
	}
	p.Outputs, err = stage.Stack(samples)
	return err
}

// ours are the outputs that a client of the bare protocol gets beside the model's: where
// and how surely each row was answered.
var ours = []stage.Port{
	{Name: wire.OutputPrefix + "exit", DType: stage.Int64, Shape: []int64{-1}},
	{Name: wire.OutputPrefix + "class", DType: stage.Int64, Shape: []int64{-1}},
	{Name: wire.OutputPrefix + "confidence", DType: stage.FP64, Shape: []int64{-1}},
}

// plainReply is what a client of the bare protocol gets: the outputs that all rows have, and
// ours.
func (w *worker) plainReply(c *call, wanted []string) ([]stage.Tensor, error) {
	n := int64(len(c.jobs))
	exits, classes, confidence := make([]int64, n), make([]int64, n), make([]float64, n)
	samples := make([][]stage.Tensor, n)
	for i := range c.jobs {
		j := &c.jobs[i]
		exits[i], classes[i], confidence[i] = int64(j.stage), int64(j.decision.Class), j.decision.Confidence
		samples[i] = common(j.answer, c.jobs)
	}
	outputs, err := stage.Stack(samples)
	if err != nil {
		return nil, fault(wire.Invalid, "the answers of these rows are no batch: send them one at a time (%v)", err)
	}
	shape := []int64{n}
	outputs = append(outputs, stage.Of(ours[0].Name, shape, exits), stage.Of(ours[1].Name, shape, classes), stage.Of(ours[2].Name, shape, confidence))
	if len(wanted) == 0 {
		return outputs, nil
	}
	var some []stage.Tensor
	for _, name := range wanted {
		i := slices.IndexFunc(outputs, func(t stage.Tensor) bool { return t.Name == name })
		if i < 0 {
			return nil, fault(wire.Invalid, "no output %q is there for every row of the request", name)
		}
		some = append(some, outputs[i])
	}
	return some, nil
}

// common are the tensors that every row's answer has.
func common(answer []stage.Tensor, jobs []job) (in []stage.Tensor) {
	for _, t := range answer {
		if !slices.ContainsFunc(jobs, func(j job) bool { return !named(j.answer, t.Name) }) {
			in = append(in, t)
		}
	}
	return in
}

func named(tensors []stage.Tensor, name string) bool {
	return slices.ContainsFunc(tensors, func(t stage.Tensor) bool { return t.Name == name })
}
