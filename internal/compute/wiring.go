package compute

import (
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// checkWiring finds stages that do not fit each other, as far as their runners say what
// they take and give. Without it a forgotten stage is found by the first request that goes
// deep enough. The error wraps stage.ErrModel.
func (s *Stages) checkWiring() error {
	classes := int64(-1)
	stages := s.Model.Stages
	for k := range s.runners {
		_, outputs, ok := s.Ports(k)
		if !ok {
			continue
		}
		logits, rest := splitPorts(outputs)
		if err := checkLogits(stages[k], logits, &classes); err != nil {
			return s.blame(stages[k].Name, "export the stage with an output "+stage.Logits+" for its exit", err)
		}
		if k == s.Last() {
			continue
		}
		if inputs, _, ok := s.Ports(k + 1); ok {
			if err := checkPorts(rest, inputs); err != nil {
				return s.blame(stages[k+1].Name, "list the stages in the order in which they were cut, and none twice",
					fmt.Errorf("%w: after stage %q: %w", stage.ErrModel, stages[k].Name, err))
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
func checkLogits(st stage.Stage, logits *stage.Port, classes *int64) error {
	if logits == nil {
		if st.Exit.Kind == exit.Never().Kind || st.Exit.Kind == exit.Final().Kind {
			return nil
		}
		return fmt.Errorf("%w: it gives no %q for its exit", stage.ErrModel, stage.Logits)
	}
	if logits.DType != stage.FP32 || len(logits.Shape) != 2 {
		return fmt.Errorf("%w: its logits are %v; an exit needs FP32 [rows, classes]", stage.ErrModel, *logits)
	}
	n := logits.Shape[1]
	if n >= 0 && *classes >= 0 && n != *classes {
		return fmt.Errorf("%w: its exit has %d classes; an earlier exit has %d", stage.ErrModel, n, *classes)
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
