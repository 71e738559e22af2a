package serflow

import (
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
)

// Exits are the policies that requests which begin now leave by, one a stage: those of the model
// or of SetExits, unless the accuracy watch or a brownout has others in force.
func (p *Pipeline) Exits() []exit.Policy {
	x := p.exits
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.current().policies)
}

// SetExits changes the exits of requests that begin from now on; those under way keep theirs.
// There is one policy a stage, of which the last, and only it, is exit.Final(). The error wraps
// ErrInput, names the stage, and nothing has changed.
//
// The policies travel with each request, so workers need not be changed. A policy at a stage that
// returns no logits lets nothing leave. What has been learned of reach counts for nothing any more:
// Drift learns its reference anew. The accuracy watch starts afresh with these policies and
// watch.Ladder's stricter ones, and the same promise: as many requests may disagree with the last
// exit as before. A brownout keeps its steps.
func (p *Pipeline) SetExits(policies ...exit.Policy) error {
	if at, err := checkExits(policies, len(p.model.Stages)); err != nil {
		return &Error{Stage: p.model.Stages[at].Name, Group: p.group, Provider: p.provider, Err: err, Remedy: oneAStage}
	}
	if err := p.exits.set(policies); err != nil {
		return &Error{Group: p.group, Provider: p.provider, Err: fmt.Errorf("%w: %w", ErrInput, err), Remedy: oneAStage}
	}
	return nil
}

const oneAStage = "give one valid policy for each stage, the last one exit.Final()"

// checkExits tells at which stage policies cannot be those of a model.
func checkExits(policies []exit.Policy, stages int) (at int, err error) {
	if len(policies) != stages {
		return 0, fmt.Errorf("%w: %d exits for %d stages", ErrInput, len(policies), stages)
	}
	for k, p := range policies {
		if err := p.Validate(); err != nil {
			return k, fmt.Errorf("%w: %w", ErrInput, err)
		}
		if (p.Kind == exit.KindFinal) != (k == stages-1) {
			return k, fmt.Errorf("%w: exit %d of %d is %s: the last one, and only it, is final", ErrInput, k+1, stages, p.Kind)
		}
	}
	return 0, nil
}

// set makes other exits the usual ones.
func (x *exits) set(policies []exit.Policy) error {
	x.mu.Lock()
	if slices.Equal(policies, x.usual.policies) {
		x.mu.Unlock()
		return nil
	}
	if err := x.rewatch(policies); err != nil {
		x.mu.Unlock()
		return err
	}
	x.usual = &exitSet{policies: slices.Clone(policies)}
	x.count(x.usual)
	if x.drift != nil {
		x.drift.Accept(x.now())
	}
	x.choose()
	e := ExitsEvent{Cause: ExitsSet, Policies: slices.Clone(x.current().policies)}
	x.mu.Unlock()
	x.tell(e)
	return nil
}
