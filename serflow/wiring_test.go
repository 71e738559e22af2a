package serflow_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// described is a source and runner that says what it takes and gives, and never runs.
type described struct {
	in, out []stage.Port
	closed  *int
}

func (d described) Open(context.Context) (stage.Runner, error)                       { return d, nil }
func (d described) Fingerprint() (string, error)                                     { return "d", nil }
func (d described) Run(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) { return nil, nil }
func (d described) Ports() (in, out []stage.Port)                                    { return d.in, d.out }
func (d described) Close() error                                                     { *d.closed++; return nil }

func TestStagesThatDoNotFit(t *testing.T) {
	port := func(name string, dims ...int64) stage.Port {
		return stage.Port{Name: name, DType: stage.FP32, Shape: append([]int64{-1}, dims...)}
	}
	x, h, logits := []stage.Port{port("x", 4)}, port("h", 8), port("logits", 10)
	double := port("h", 8)
	double.DType = stage.FP64
	for name, c := range map[string]struct {
		first, second described
		exit          exit.Policy
		want          string // in the error; "" if they fit
	}{
		"fit":              {described{in: x, out: []stage.Port{h, logits}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), ""},
		"open dimensions":  {described{in: x, out: []stage.Port{port("h", -1), port("logits", -1)}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), ""},
		"no exit, no need": {described{in: x, out: []stage.Port{h}}, described{in: []stage.Port{h}, out: []stage.Port{port("y", 3)}}, exit.Never(), ""},
		"a stage forgotten": {described{in: x, out: []stage.Port{h, logits}}, described{in: []stage.Port{port("h2", 8)}, out: []stage.Port{logits}}, exit.MaxProb(0.9),
			`after stage "s1": it takes "h2", FP32 [-1 8], and is given ["h", FP32 [-1 8]]`},
		"another shape":   {described{in: x, out: []stage.Port{h, logits}}, described{in: []stage.Port{port("h", 9)}, out: []stage.Port{logits}}, exit.MaxProb(0.9), "it takes"},
		"another rank":    {described{in: x, out: []stage.Port{h, logits}}, described{in: []stage.Port{port("h", 8, 1)}, out: []stage.Port{logits}}, exit.MaxProb(0.9), "it takes"},
		"another type":    {described{in: x, out: []stage.Port{double, logits}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), "FP64"},
		"one too many":    {described{in: x, out: []stage.Port{h, port("g", 1), logits}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), `it is given "g"`},
		"no logits":       {described{in: x, out: []stage.Port{h}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), `no "logits"`},
		"flat logits":     {described{in: x, out: []stage.Port{h, port("logits")}}, described{in: []stage.Port{h}, out: []stage.Port{logits}}, exit.MaxProb(0.9), "an exit needs"},
		"another classes": {described{in: x, out: []stage.Port{h, logits}}, described{in: []stage.Port{h}, out: []stage.Port{port("logits", 11)}}, exit.MaxProb(0.9), "11 classes"},
	} {
		closed := 0
		c.first.closed, c.second.closed = &closed, &closed
		p, err := serflow.Open(t.Context(), stage.NewModel("m", stage.New("s1", c.first, c.exit), stage.New("s2", c.second, exit.Final())))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if err := p.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		var e *serflow.Error
		if !errors.Is(err, serflow.ErrModel) || !errors.As(err, &e) || e.Remedy == "" || !strings.Contains(err.Error(), c.want) || closed != 2 {
			t.Errorf("%s: error %v, want one about %q; %d stages closed", name, err, c.want, closed)
		}
	}
}
