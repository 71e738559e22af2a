package exit

import "fmt"

// Replayed is what a set of policies does to validation rows.
type Replayed struct {
	Rows     int
	Cost     float64 // per row, in the units of Validation.Cost
	Accuracy float64 // fraction of rows, 0..1
	Lost     float64 // accuracy lost against the final exit, in points
	Exits    []Tally // one per stage
}

// Tally counts the rows that left at an exit.
type Tally struct {
	Left  int // rows
	Agree int // of these, rows that got the class that the final exit gives
}

// Replay runs policies, one per stage of which the last is final, over all rows of v as a
// server would. Give it rows that took no part in finding the policies, and it says what
// to expect in operation: how many leave where and how often an early answer is the
// final exit's. A bad row counts as wrong, and does not agree with anything.
func Replay(v Validation, policies []Policy) (Replayed, error) {
	if err := v.validate(); err != nil {
		return Replayed{}, err
	}
	if err := checkPolicies(policies, len(v.Cost)); err != nil {
		return Replayed{}, err
	}
	r := Replayed{Rows: len(v.Labels), Exits: make([]Tally, len(policies))}
	var cost float64
	var right, lost int
	for i, label := range v.Labels {
		at, d, paid := v.leave(i, policies)
		last := row(v.Logits[len(v.Logits)-1], v.Classes, i)
		final, _, ok := topTwo(last)
		r.Exits[at].Left++
		r.Exits[at].Agree += count(ok && !d.Bad && d.Class == final)
		cost += paid
		right += count(d.Class == label)
		lost += count(correct(last, label)) - count(d.Class == label)
	}
	n := float64(r.Rows)
	r.Cost, r.Accuracy, r.Lost = cost/n, float64(right)/n, 100*float64(lost)/n
	return r, nil
}

// leave is the exit at which row i leaves, what that said, and what was paid until then.
func (v Validation) leave(i int, policies []Policy) (at int, d Decision, paid float64) {
	for k, p := range policies {
		paid += v.Cost[k]
		if p.Kind != KindNever {
			paid += v.headCost(k)
		}
		d = p.Decide(row(v.Logits[k], v.Classes, i), d.State)
		if at = k; d.Leave {
			break
		}
	}
	return at, d, paid
}

func checkPolicies(policies []Policy, stages int) error {
	if len(policies) != stages {
		return fmt.Errorf("exit: %d policies for %d stages: give one for each", len(policies), stages)
	}
	for k, p := range policies {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("policy of exit %d: %w", k, err)
		}
		if (p.Kind == KindFinal) != (k == stages-1) {
			return fmt.Errorf("exit: policy %d of %d is %s: make the last one, and only it, final", k, stages, p.Kind)
		}
	}
	return nil
}
