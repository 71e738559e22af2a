package serflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/exit/drift"
	accuracy "github.com/serflow/serflow-go/exit/watch"
)

// savedExits is what SaveExits writes.
type savedExits struct {
	Version     int
	Fingerprint string        // of the model
	Model       []exit.Policy // its exits, or the watch's first
	Usual       []exit.Policy // those that were set
	Drift       *drift.Snapshot
	Watch       *accuracy.Snapshot
	Brownout    *brownout.Snapshot
}

// savedVersion is that of the format.
const savedVersion = 1

// SaveExits is what Drift, Watch and Brownout have learned, and the exits that were set, for
// RestoreExits of a pipeline with the same model: a restart then forgets nothing of it. It is
// JSON, and can be had from a pipeline that has been shut down. The error is that of the model's
// fingerprint.
func (p *Pipeline) SaveExits() ([]byte, error) {
	fingerprint, err := p.model.Fingerprint()
	if err != nil {
		return nil, &Error{Provider: p.provider, Err: err, Remedy: "mend the stage's source"}
	}
	x := p.exits
	x.tick() // what has been counted since the last one
	x.mu.Lock()
	defer x.mu.Unlock()
	s := savedExits{Version: savedVersion, Fingerprint: fingerprint, Model: x.first, Usual: x.usual.policies}
	now := x.now()
	if x.drift != nil {
		d := x.drift.Snapshot(now)
		s.Drift = &d
	}
	if x.watched.machine != nil {
		w := x.watched.machine.Snapshot(now)
		s.Watch = &w
	}
	if x.brownout != nil {
		b := x.brownout.Snapshot(now)
		s.Brownout = &b
	}
	return json.Marshal(s)
}

// RestoreExits goes on from what SaveExits has saved: call it before the first request. Exits that
// SetExits had set come back, unless the exits that the pipeline was opened with are others than
// they were then. Of the options that this pipeline has, each that cannot go on, such as a watch
// with another promise, starts afresh and is in the error, which wraps ErrInput; the others go on.
// Of something that is not of this model nothing is taken.
func (p *Pipeline) RestoreExits(saved []byte) error {
	var s savedExits
	wrong := func(err error) error {
		return &Error{Group: p.group, Provider: p.provider, Err: fmt.Errorf("%w: saved exits: %w", ErrInput, err), Remedy: "go on without: what cannot be restored starts afresh"}
	}
	if err := json.Unmarshal(saved, &s); err != nil {
		return wrong(err)
	}
	fingerprint, err := p.model.Fingerprint()
	switch {
	case err != nil:
		return wrong(err)
	case s.Version != savedVersion:
		return wrong(fmt.Errorf("of version %d, not %d", s.Version, savedVersion))
	case s.Fingerprint != fingerprint:
		return wrong(fmt.Errorf("of model %.12s, not %.12s", s.Fingerprint, fingerprint))
	}
	if slices.Equal(s.Model, p.exits.first) {
		if err := p.SetExits(s.Usual...); err != nil {
			return wrong(err)
		}
	}
	if err := p.exits.restore(s); err != nil {
		return wrong(err)
	}
	return nil
}

// restore has the machines go on.
func (x *exits) restore(s savedExits) error {
	x.mu.Lock()
	now, before := x.now(), x.watched.rung()
	var errs []error
	if x.drift != nil && s.Drift != nil && slices.Equal(s.Usual, x.usual.policies) { // reach is that of these exits
		errs = append(errs, x.drift.Restore(now, *s.Drift))
	}
	if w := x.watched.machine; w != nil && s.Watch != nil {
		errs = append(errs, w.Restore(now, *s.Watch))
	}
	if x.brownout != nil && s.Brownout != nil {
		errs = append(errs, x.brownout.Restore(now, *s.Brownout))
	}
	x.choose()
	var events []ExitsEvent
	if x.watched.rung() != before {
		events = append(events, x.moved(before))
	}
	x.mu.Unlock()
	x.tell(events...)
	return errors.Join(errs...)
}
