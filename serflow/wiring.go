package serflow

import (
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// checkWiring finds stages that do not fit each other, as far as their runners say what
// they take and give. Without it a forgotten stage is found by the first request that goes
// deep enough. The error wraps ErrModel.
func checkWiring(stages []stage.Stage, runners []stage.Runner) error {
	classes := int64(-1)
	for k, r := range runners {
		d, ok := r.(stage.Describer)
		if !ok {
			continue
		}
		_, outputs := d.Ports()
		logits, rest := splitPorts(outputs)
		if err := checkLogits(stages[k], logits, &classes); err != nil {
			return &Error{Stage: stages[k].Name, Provider: provider, Err: err, Remedy: "export the stage with an output " + stage.Logits + " for its exit"}
		}
		if k+1 == len(runners) {
			continue
		}
		if next, ok := runners[k+1].(stage.Describer); ok {
			inputs, _ := next.Ports()
			if err := checkPorts(rest, inputs); err != nil {
				return &Error{Stage: stages[k+1].Name, Provider: provider, Err: fmt.Errorf("%w: after stage %q: %w", ErrModel, stages[k].Name, err),
					Remedy: "list the stages in the order in which they were cut, and none twice"}
			}
		}
	}
	return nil
}

// splitPorts takes the logits out of a stage's outputs; nil if there are none.
func splitPorts(outputs []stage.Port) (logits *stage.Port, rest []stage.Port) {
	for _, p := range outputs {
		if p.Name == stage.Logits {
			logits = &p
		} else {
			rest = append(rest, p)
		}
	}
	return logits, rest
}

// checkLogits holds an exit's logits to FP32 [rows, classes], with as many classes as
// those of the exits before it.
func checkLogits(s stage.Stage, logits *stage.Port, classes *int64) error {
	if logits == nil {
		if s.Exit.Kind == exit.Never().Kind || s.Exit.Kind == exit.Final().Kind {
			return nil
		}
		return fmt.Errorf("%w: it gives no %q for its exit", ErrModel, stage.Logits)
	}
	if logits.DType != stage.FP32 || len(logits.Shape) != 2 {
		return fmt.Errorf("%w: its logits are %v; an exit needs FP32 [rows, classes]", ErrModel, *logits)
	}
	n := logits.Shape[1]
	if n >= 0 && *classes >= 0 && n != *classes {
		return fmt.Errorf("%w: its exit has %d classes; an earlier exit has %d", ErrModel, n, *classes)
	}
	*classes = max(*classes, n)
	return nil
}

// checkPorts holds what one stage gives to what the next takes.
func checkPorts(given, taken []stage.Port) error {
	for _, want := range taken {
		i := slices.IndexFunc(given, func(p stage.Port) bool { return p.Name == want.Name })
		if i < 0 {
			return fmt.Errorf("it takes %v, and is given %v", want, given)
		}
		if got := given[i]; got.DType != want.DType || !fit(got.Shape, want.Shape) {
			return fmt.Errorf("it takes %v, and is given %v", want, got)
		}
	}
	for _, extra := range given {
		if !slices.ContainsFunc(taken, func(p stage.Port) bool { return p.Name == extra.Name }) {
			return fmt.Errorf("it is given %v, and takes %v", extra, taken)
		}
	}
	return nil
}

// fit tells whether two shapes can be equal.
func fit(a, b []int64) bool {
	return slices.EqualFunc(a, b, func(x, y int64) bool { return x == y || x < 0 || y < 0 })
}
