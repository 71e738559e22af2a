package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// answer does what a request asks. Its error is a *wire.Error. The reply shares memory with
// the request.
func (w *Worker) answer(ctx context.Context, r *wire.Request) (*call, error) {
	if r.Plain {
		r.Stages = stage.Range{Last: w.stages.Last()}
	}
	rows, err := w.check(r)
	if err != nil {
		return nil, err
	}
	c := newCall(ctx, r.Stages.First, w.exits(r), r.States, rows, r.Inputs)
	if err := w.serve(c, r.Stages.Last, r.Remaining); err != nil {
		return nil, refusal(err)
	}
	for i := range c.jobs {
		if err := c.jobs[i].err; err != nil {
			return nil, refusal(err)
		}
	}
	return c, nil
}

// check holds a request to the model.
func (w *Worker) check(r *wire.Request) (rows int, err error) {
	stages := w.stages.Model.Stages
	switch {
	case !r.Plain && r.Fingerprint != w.fingerprint:
		return 0, fault(wire.Fingerprint, "the request is for model %.12s, and this worker has %.12s: deploy the same program to both", r.Fingerprint, w.fingerprint)
	case r.Stages.First < 0 || r.Stages.Len() < 1 || r.Stages.Last >= len(stages):
		return 0, fault(wire.Invalid, "%v of a model of %d", r.Stages, len(stages))
	case len(r.Exits) > 0 && len(r.Exits) != r.Stages.Len():
		return 0, fault(wire.Invalid, "%d exits for %v: send one for each, or none", len(r.Exits), r.Stages)
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
func (w *Worker) exits(r *wire.Request) []exit.Policy {
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

// refusal says by its code what the sender is to make of an error.
func refusal(err error) error {
	code := wire.StageFailed
	switch {
	case errors.Is(err, queue.ErrFull):
		code = wire.Full
	case errors.Is(err, queue.ErrDraining), errors.Is(err, errClosed):
		code = wire.Draining
	case errors.Is(err, stage.ErrInput) && !errors.Is(err, stage.ErrFailed):
		code = wire.Invalid
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		code = wire.Late
	}
	return fault(code, "%v", err)
}

// reply sorts the rows of a call by what became of them.
func (w *Worker) reply(c *call) (*wire.Reply, error) {
	r := &wire.Reply{Model: w.stages.Model.Name, Load: w.load()}
	for i := range c.jobs {
		j := &c.jobs[i]
		r.Service = max(r.Service, j.service)
		n := slices.IndexFunc(r.Parts, func(p wire.Part) bool { return p.Exited == j.exited && p.Stage == j.stage })
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
	slices.SortFunc(r.Parts, func(a, b wire.Part) int { return cmp.Compare(a.Stage, b.Stage) })
	for n := range r.Parts {
		if err := fill(&r.Parts[n], c); err != nil {
			return nil, refusal(err)
		}
	}
	return r, nil
}

// fill adds the tensors of a part. Rows that come back as they were sent have none.
func fill(p *wire.Part, c *call) (err error) {
	if !p.Exited && p.Stage == c.first {
		return nil
	}
	samples := make([][]stage.Tensor, len(p.Rows))
	for i, row := range p.Rows {
		if samples[i] = c.jobs[row].sample; p.Exited {
			samples[i] = c.jobs[row].answer
		}
	}
	p.Outputs, err = stage.Stack(samples)
	return err
}

// plainReply is what a client of the bare protocol gets: the outputs that all rows have, and
// where and how surely each was answered.
func (w *Worker) plainReply(c *call, wanted []string) ([]stage.Tensor, error) {
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
		return nil, refusal(err)
	}
	outputs = append(outputs, stage.Of("exit", []int64{n}, exits), stage.Of("class", []int64{n}, classes), stage.Of("confidence", []int64{n}, confidence))
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
		if !slices.ContainsFunc(jobs, func(j job) bool {
			return !slices.ContainsFunc(j.answer, func(other stage.Tensor) bool { return other.Name == t.Name })
		}) {
			in = append(in, t)
		}
	}
	return in
}
