package wire

import (
	"math"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// maxStage keeps arithmetic on stages of a peer's choice from overflowing.
const maxStage = 1<<16 - 1

func checkStages(r stage.Range) error {
	if r.First < 0 || r.Last < r.First || r.Last > maxStage {
		return invalid("stages %d to %d: serflow_first and serflow_last must be a range, counted from 0, up to %d", r.First, r.Last, maxStage)
	}
	return nil
}

// check finds what a request may not be, on its way out and on its way in.
func (r *Request) check() error {
	if err := checkUTF8("ID", r.ID); err != nil {
		return err
	}
	if err := checkNames(r.Inputs); err != nil {
		return err
	}
	n, err := rows("input", r.Inputs)
	if err != nil {
		return err
	}
	if n == 0 {
		return invalid("a request of no rows: send one or more")
	}
	if r.Plain {
		return r.checkPlain()
	}
	return r.checkAdditions(n)
}

func (r *Request) checkPlain() error {
	for i, name := range r.Outputs {
		if slices.Contains(r.Outputs[:i], name) {
			return invalid("output %q is wanted twice: name it once", name)
		}
	}
	return checkUTF8("output", r.Outputs...)
}

func (r *Request) checkAdditions(rows int) error {
	if err := checkUTF8("fingerprint", r.Fingerprint); err != nil {
		return err
	}
	if err := checkStages(r.Stages); err != nil {
		return err
	}
	if r.Remaining < 0 {
		return invalid("%v remain: send nothing whose time is over; 0 stands for no deadline", r.Remaining)
	}
	for _, exits := range [2][]exit.Policy{r.Exits, r.Asked} {
		if err := checkExits(exits, r.Stages.Len()); err != nil {
			return err
		}
	}
	if n := len(r.States); n > 0 && n != rows {
		return invalid("%d states for %d rows: send one a row, or none", n, rows)
	}
	for _, s := range r.States {
		if err := checkState(s); err != nil {
			return err
		}
	}
	if len(r.Outputs) > 0 {
		return invalid("a request with our additions names outputs: its exits decide what comes back; leave them out")
	}
	return nil
}

// checkExits is for policies of so many stages, or none.
func checkExits(policies []exit.Policy, stages int) error {
	if n := len(policies); n > 0 && n != stages {
		return invalid("%d exits for %d stages: send one a stage, or none", n, stages)
	}
	for _, p := range policies {
		if err := p.Validate(); err != nil {
			return invalid("%v", err)
		}
		if p.Patience > math.MaxInt32 {
			return invalid("patience %d: it must be at most %d", p.Patience, math.MaxInt32)
		}
	}
	return nil
}

func checkNames(tensors []stage.Tensor) error {
	for i := range tensors {
		if err := checkUTF8("tensor", tensors[i].Name); err != nil {
			return err
		}
	}
	return nil
}
