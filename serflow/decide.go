package serflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// split checks what stage k returned and takes the logits out of it.
func (f *flight) split(k int, out []stage.Tensor) (logits *stage.Tensor, rest []stage.Tensor, err error) {
	rows, err := stage.Rows(out)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w: its output: %v", ErrStage, errContract, err)
	}
	if rows != len(f.left) {
		return nil, nil, fmt.Errorf("%w: %w: it returned %d rows for %d", ErrStage, errContract, rows, len(f.left))
	}
	logits, rest = without(out, stage.Logits)
	final := k == len(f.model.Stages)-1
	if !final && len(rest) == 0 {
		return nil, nil, fmt.Errorf("%w: %w: it returned nothing for stage %q", ErrStage, errContract, f.model.Stages[k+1].Name)
	}
	if logits == nil {
		if final || f.model.Stages[k].Exit.Kind == exit.Never().Kind {
			return nil, rest, nil
		}
		return nil, nil, fmt.Errorf("%w: %w: it returned no %q for its exit", ErrStage, errContract, stage.Logits)
	}
	return logits, rest, f.checkClasses(*logits)
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

// checkClasses holds all exits of a model to one number of classes.
func (f *flight) checkClasses(logits stage.Tensor) error {
	if logits.DType != stage.FP32 || len(logits.Shape) != 2 || logits.Shape[1] < 1 {
		return fmt.Errorf("%w: logits are %v %v; an exit needs FP32 [rows, classes]", ErrModel, logits.DType, logits.Shape)
	}
	n := logits.Shape[1]
	if f.classes != 0 && f.classes != n {
		return fmt.Errorf("%w: its exit has %d classes; an earlier exit has %d", ErrModel, n, f.classes)
	}
	f.classes = n
	return nil
}

// decide asks exit k about every row, answers those that leave and returns how
// many had logits that are not finite, and the batch of those that stay.
func (f *flight) decide(k int, logits *stage.Tensor, rest []stage.Tensor) (bad int, stay []stage.Tensor) {
	policy := f.model.Stages[k].Exit
	final := k == len(f.model.Stages)-1
	var values []float32
	classes := 0
	if logits != nil {
		values, _ = stage.View32(*logits) // split has checked type and form
		classes = int(logits.Shape[1])
	}
	kept := f.left[:0]
	for i, w := range f.left {
		d := exit.Decision{Leave: final, Class: -1, State: w.state}
		if logits != nil {
			d = policy.Decide(values[i*classes:(i+1)*classes], w.state)
		}
		if d.Bad {
			bad++
		}
		if d.Leave {
			f.answer(k, i, w.row, d, logits, rest)
			continue
		}
		kept = append(kept, waiting{row: w.row, at: i, state: d.State})
	}
	some := len(kept) < len(f.left)
	f.left = kept
	if some && !final {
		taken := f.take(rest)
		f.recycle(rest, []stage.Tensor{*logits}) // a row can only have left by its logits
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
	if k < len(f.model.Stages)-1 {
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
	f.done(row, f.model.Stages[k].Name, nil)
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
