package exit

import (
	"errors"
	"fmt"
	"math"
)

// Validation is what is known of a multi-exit model: the logits that each exit
// gave for labelled rows, and what each stage costs. It is only read.
type Validation struct {
	Logits   [][]float32 // Logits[k] is rows x classes, row-major, of exit k
	Labels   []int       // one class in [0,Classes) per row
	Classes  int
	Cost     []float64 // of running stage k on a row, finite and >= 0, in any one unit
	ExitCost []float64 // of evaluating exit k's own head on a row, same unit; nil means none
}

// validate checks every shape and number once, so that later code need not.
func (v Validation) validate() error {
	stages := len(v.Logits)
	if stages == 0 {
		return errors.New("exit: no exits: give the logits of at least the final exit")
	}
	if err := checkCosts("Cost", v.Cost, stages); err != nil {
		return err
	}
	if v.ExitCost != nil {
		if err := checkCosts("ExitCost", v.ExitCost, stages); err != nil {
			return err
		}
	}
	for k, logits := range v.Logits {
		if err := checkShape(logits, v.Classes, v.Labels); err != nil {
			return fmt.Errorf("logits of exit %d: %w", k, err)
		}
	}
	return nil
}

func checkCosts(name string, costs []float64, stages int) error {
	if len(costs) != stages {
		return fmt.Errorf("exit: %s has %d entries for %d stages: give one per stage", name, len(costs), stages)
	}
	for k, c := range costs {
		if !(c >= 0) || math.IsInf(c, 0) {
			return fmt.Errorf("exit: %s[%d] is %v: use a finite number >= 0", name, k, c)
		}
	}
	return nil
}

// headCost is the cost of exit k's own head.
func (v Validation) headCost(k int) float64 {
	if v.ExitCost == nil {
		return 0
	}
	return v.ExitCost[k]
}

// fullCost is the cost of a row that runs every stage and only the final head.
func (v Validation) fullCost() float64 {
	total := v.headCost(len(v.Cost) - 1)
	for _, c := range v.Cost {
		total += c
	}
	return total
}

// badRows counts the rows that hold a NaN or an infinity at some exit.
func (v Validation) badRows() int {
	bad := 0
	for i := range v.Labels {
		for _, logits := range v.Logits {
			if _, _, ok := topTwo(row(logits, v.Classes, i)); !ok {
				bad++
				break
			}
		}
	}
	return bad
}
