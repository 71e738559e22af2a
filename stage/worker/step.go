package worker

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// step runs a stage on a batch of rows and asks the exits about each. If the batch as a
// whole cannot be run, each row is run alone, so that one that is at fault harms no other.
func (w *worker) step(k int, s *slot, jobs []*job) {
	o, err := w.output(k, s, jobs)
	switch {
	case err == nil:
		for i, j := range jobs {
			w.decide(k, o, i, j)
		}
	case w.ctx.Err() != nil:
		for _, j := range jobs {
			j.err = errClosed
		}
	case len(jobs) == 1:
		jobs[0].err = err
	default:
		for i, j := range jobs {
			j.apart = true
			w.step(k, s, jobs[i:i+1])
		}
	}
}

func (w *worker) output(k int, s *slot, jobs []*job) (o compute.Output, err error) {
	ctx := w.ctx
	if len(jobs) == 1 {
		ctx = jobs[0].ctx
	}
	s.samples = s.samples[:0]
	for _, j := range jobs {
		s.samples = append(s.samples, j.sample)
	}
	batch, err := stage.Stack(s.samples)
	if err != nil {
		return o, err
	}
	s.run.begin(w.now(), k)
	out, err := w.stages.Run(ctx, k, len(jobs), batch)
	s.run.end()
	if err != nil {
		return o, err
	}
	return w.stages.Split(k, len(jobs), out)
}

// decide asks exit k about row i of an output, which is a job's.
func (w *worker) decide(k int, o compute.Output, i int, j *job) {
	if n := o.Classes(); n > 0 {
		if j.classes > 0 && j.classes != n {
			j.err = fmt.Errorf("%w: its exit has %d classes; an earlier exit has %d", stage.ErrModel, n, j.classes)
			return
		}
		j.classes = n
	}
	if j.asked != nil {
		a := o.Decide(j.asked[k-j.first], i, j.state)
		j.seen = append(j.seen, wire.Seen{Class: a.Class, Score: a.Score})
	}
	d := o.Decide(j.policy(k), i, j.state)
	j.state, j.decision, j.stage = d.State, d, k
	if !d.Leave {
		j.sample, j.stage = rowOf(o.Rest, i), k+1
		return
	}
	j.exited, j.sample = true, nil
	if o.Logits != nil {
		j.answer = append(j.answer, stage.Row(*o.Logits, i))
	}
	if k == w.stages.Last() { // activations answer nothing
		j.answer = append(j.answer, rowOf(o.Rest, i)...)
	}
}

// rowOf is row i of each tensor.
func rowOf(batch []stage.Tensor, i int) []stage.Tensor {
	sample := make([]stage.Tensor, len(batch))
	for n, t := range batch {
		sample[n] = stage.Row(t, i)
	}
	return sample
}

// pace keeps a slot to its share of a core: for the processor time that it has used it rests in
// proportion, as a cloud's quota makes it. While it waits, for something else or for its turn on a
// machine that is busy, it uses none. What it rests too long, for want of a
// finer timer, it rests less the next time.
func (w *worker) pace(s *slot, used time.Duration) {
	if w.share >= 1 {
		return
	}
	s.owed += time.Duration(float64(used) * (1/w.share - 1))
	if s.owed <= 0 {
		return
	}
	begun := time.Now()
	t := time.NewTimer(s.owed)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.ctx.Done():
	}
	s.owed -= time.Since(begun)
}
