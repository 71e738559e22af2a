package serflow

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/exit"
	accuracy "github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/stage"
)

// split takes the logits out of what stage k returned, and holds all exits of a model to
// one number of classes.
func (f *flight) split(k int, out []stage.Tensor) (compute.Output, error) {
	o, err := f.stages.Split(k, len(f.left), out)
	if n := o.Classes(); err == nil && n > 0 {
		if f.classes != 0 && f.classes != n {
			return o, fmt.Errorf("%w: its exit has %d classes; an earlier exit has %d", ErrModel, n, f.classes)
		}
		f.classes = n
	}
	return o, err
}

// decide asks exit k about every row, answers those that leave and returns how
// many had logits that are not finite, and the batch of those that stay.
func (f *flight) decide(k int, o compute.Output) (bad int, stay []stage.Tensor) {
	policy := f.exits.policies[k]
	rest := o.Rest
	kept := f.left[:0]
	for i, w := range f.left {
		if f.exits.asked != nil {
			f.checked.seen[w.row] = append(f.checked.seen[w.row], accuracy.Saw(o.Decide(f.exits.asked[k], i, w.state)))
		}
		d := o.Decide(policy, i, w.state)
		if d.Bad {
			bad++
		}
		if d.Leave {
			f.answer(k, i, w.row, d, o.Logits, rest)
			continue
		}
		kept = append(kept, waiting{row: w.row, at: i, state: d.State})
	}
	some := len(kept) < len(f.left)
	f.left = kept
	if some && k < f.stages.Last() {
		taken := f.take(rest)
		f.recycle(rest, []stage.Tensor{*o.Logits}) // a row can only have left by its logits
		rest, f.lender = taken, -1
	}
	return bad, rest
}

// take copies the rows of a batch that are left.
func (f *flight) take(batch []stage.Tensor) []stage.Tensor {
	if len(f.left) == 0 {
		return nil
	}
	at := make([]int, len(f.left))
	for i, w := range f.left {
		at[i] = w.at
	}
	return stage.Take(batch, at)
}

func (f *flight) answer(k, i, row int, d exit.Decision, logits *stage.Tensor, rest []stage.Tensor) {
	if k < f.stages.Last() {
		rest = nil // activations answer nothing
	}
	outputs := make([]stage.Tensor, 0, 1+len(rest))
	if logits != nil {
		outputs = append(outputs, stage.Row(*logits, i))
	}
	for _, t := range rest {
		outputs = append(outputs, f.row(t, i))
	}
	f.results[row] = Result{
		Exit: k, Class: d.Class, Confidence: d.Confidence, outputs: outputs,
		Path: []Hop{{Group: f.group, Provider: provider, Last: k, Duration: time.Since(f.begun)}},
	}
	f.done(k, nil)
}

// row is stage.Row, without walking through a BYTES tensor again for each row.
func (f *flight) row(t stage.Tensor, i int) stage.Tensor {
	if t.DType != stage.Bytes {
		return stage.Row(t, i)
	}
	rows, ok := f.texts[t.Name]
	if !ok {
		if f.texts == nil {
			f.texts = map[string][]stage.Tensor{}
		}
		rows = stage.Split(t)
		f.texts[t.Name] = rows
	}
	return rows[i]
}
