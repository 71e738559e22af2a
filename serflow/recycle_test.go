package serflow_test

import (
	"context"
	"slices"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

// lender is a stage that remembers what it lent out and spoils what comes back, as
// a later run would.
type lender struct {
	stage.RunFunc
	returned []string
}

func (l *lender) Open(context.Context) (stage.Runner, error) { return l, nil }
func (l *lender) Fingerprint() (string, error)               { return "lender", nil }
func (l *lender) Close() error                               { return nil }

func (l *lender) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	out, err := l.RunFunc(ctx, rows, in)
	for i := range out {
		out[i].Data = slices.Clone(out[i].Data)
	}
	return out, err
}

func (l *lender) Recycle(outputs []stage.Tensor) {
	for _, t := range outputs {
		l.returned = append(l.returned, t.Name)
		for i := range t.Data {
			t.Data[i] = 0xff
		}
	}
}

// Activations go back to their runner once nobody needs them, and answers stay whole.
func TestActivationsAreHandedBack(t *testing.T) {
	passOn := sure(2) // its output is its input
	for name, c := range map[string]struct {
		batch          []float32
		first, second  []string
		secondIsLender bool
	}{
		"all leave":            {batch: []float32{1, 1}, first: []string{"x"}},
		"some leave":           {batch: []float32{1, 3}, first: []string{"x"}},
		"none leaves, aliased": {batch: []float32{3, 3}},
		"none leaves, copied":  {batch: []float32{3, 3}, first: []string{"x"}, secondIsLender: true},
		"one at a time":        {batch: []float32{1, 2, 3}, first: []string{"x"}, second: []string{"x"}, secondIsLender: true},
	} {
		first, second := &lender{RunFunc: sure(1)}, &lender{RunFunc: passOn}
		m := model(sure(1), passOn, sure(3))
		m.Stages[0].Source = first
		if c.secondIsLender {
			m.Stages[1].Source = second
		}
		got, err := open(t, m).InferBatch(t.Context(), stage.Float32("x", []int64{int64(len(c.batch))}, c.batch))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range c.batch {
			logits, err := stage.Data[float32](got[i].Output("logits"))
			if got[i].Exit != int(v)-1 || err != nil || !slices.Equal(logits, []float32{0, 9}) {
				t.Errorf("%s: row %d: exit %d, logits %v, %v", name, i, got[i].Exit, logits, err)
			}
		}
		if !slices.Equal(first.returned, c.first) || !slices.Equal(second.returned, c.second) {
			t.Errorf("%s: handed back %v and %v", name, first.returned, second.returned)
		}
	}
}

// A runner may keep logits and activations in one piece of memory.
func TestLogitsInTheActivationsAreNotHandedBack(t *testing.T) {
	l := &lender{}
	l.RunFunc = func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x := stage.Float32("x", []int64{int64(rows), 2}, []float32{9, 0, 0, 0})
		return []stage.Tensor{x}, nil
	}
	last := func(_ context.Context, rows int, _ []stage.Tensor) ([]stage.Tensor, error) {
		return []stage.Tensor{stage.Float32(stage.Logits, []int64{int64(rows), 2}, make([]float32, 2*rows))}, nil
	}
	m := model(sure(1), last)
	m.Stages[0].Source = sharing{l}
	got, err := open(t, m).InferBatch(t.Context(), stage.Float32("x", []int64{2}, []float32{1, 1}))
	if err != nil || got[0].Exit != 0 || got[1].Exit != 1 {
		t.Fatal(got, err)
	}
	if logits, err := stage.Data[float32](got[0].Output("logits")); err != nil || logits[0] != 9 || len(l.returned) > 0 {
		t.Errorf("logits %v, %v; handed back %v", logits, err, l.returned)
	}
}

// A runner that returns its input would be handed memory that is not its own.
func TestTheCallersMemoryIsNotHandedBack(t *testing.T) {
	l := &lender{}
	m := model(sure(1), sure(9))
	m.Stages[0].Source = passing{l}
	in := stage.Float32("x", []int64{2}, []float32{1, 3})
	before := slices.Clone(in.Data)
	got, err := open(t, m).InferBatch(t.Context(), in)
	if err != nil || got[0].Exit != 0 || got[1].Exit != 1 {
		t.Fatal(got, err)
	}
	if !slices.Equal(in.Data, before) || len(l.returned) > 0 {
		t.Errorf("handed back %v", l.returned)
	}
}

// passing is a lender that returns its input as it is.
type passing struct{ *lender }

func (p passing) Open(context.Context) (stage.Runner, error) { return p, nil }

func (p passing) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return sure(1)(ctx, rows, in)
}

// sharing shows a lender's first output a second time, as logits.
type sharing struct{ *lender }

func (s sharing) Open(context.Context) (stage.Runner, error) { return s, nil }

func (s sharing) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	out, err := s.lender.Run(ctx, rows, in)
	logits := out[0]
	logits.Name = stage.Logits
	return append(out, logits), err
}

var _ stage.Recycler = &lender{}
