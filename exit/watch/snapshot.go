package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
)

// Snapshot is what a watch knows, as plain data that JSON keeps exactly.
type Snapshot struct {
	Limit    float64 // share of requests that may disagree
	Rung     int     // in force
	Stepped  bool
	Looser   bool          // the last step was to a looser rung
	Ago      time.Duration // since then
	Rest     time.Duration // before a step to a looser rung
	Samples  int           // in the current block of the window
	Block    int
	Unusable int
	Rungs    []RungSnapshot
}

// RungSnapshot is what is known of one set of policies.
type RungSnapshot struct {
	Policies     []exit.Policy
	Broken, Kept [rivals]float64 // evidence that the promise is, for each rate looked for
	Window       [][]exit.Tally
}

// Snapshot copies what the watch knows.
func (w *Watch) Snapshot(now time.Duration) Snapshot {
	s := Snapshot{Limit: w.config.limit(), Rung: w.at, Stepped: w.last.taken, Looser: w.last.looser, Rest: w.rest,
		Samples: w.samples, Block: w.block, Unusable: w.unusable}
	if w.last.taken {
		s.Ago = now - w.last.at
	}
	for _, r := range w.rungs {
		c := RungSnapshot{Policies: slices.Clone(r.policies), Broken: r.broken.r, Kept: r.kept.r}
		for _, block := range r.window {
			c.Window = append(c.Window, slices.Clone(block))
		}
		s.Rungs = append(s.Rungs, c)
	}
	return s
}

// Restore goes on from a snapshot, which may be from a watch whose time had another origin. One of
// other rungs or another promise, or with numbers that cannot be, is refused and changes nothing:
// what was seen of other policies says nothing of these, so start afresh.
func (w *Watch) Restore(now time.Duration, s Snapshot) error {
	if err := w.check(s); err != nil {
		return err
	}
	w.at, w.last, w.rest = s.Rung, step{now - s.Ago, s.Stepped, s.Looser}, max(s.Rest, w.config.Rest)
	w.samples, w.block, w.unusable = s.Samples, s.Block, s.Unusable
	for i, from := range s.Rungs {
		r := &w.rungs[i]
		r.broken.restore(from.Broken)
		r.kept.restore(from.Kept)
		for j, block := range from.Window {
			copy(r.window[j], block)
		}
	}
	return nil
}

func (w *Watch) check(s Snapshot) error {
	if s.Limit != w.config.limit() || len(s.Rungs) != len(w.rungs) {
		return fmt.Errorf("%w: of another promise or number of rungs: start afresh", ErrSnapshot)
	}
	ok := s.Rung >= 0 && s.Rung <= len(w.rungs) && s.Block >= 0 && s.Block < blocks && s.Samples >= 0
	for i, r := range s.Rungs {
		if !slices.Equal(r.Policies, w.rungs[i].policies) {
			return fmt.Errorf("%w: rung %d had other policies: start afresh", ErrSnapshot, i)
		}
		ok = ok && sound(r.Broken) && sound(r.Kept) && len(r.Window) == blocks
		for _, block := range r.Window {
			ok = ok && len(block) == len(r.Policies) && !slices.ContainsFunc(block, func(t exit.Tally) bool { return t.Agree < 0 || t.Agree > t.Left })
		}
	}
	if !ok {
		return fmt.Errorf("%w: it holds numbers that cannot be: start afresh", ErrSnapshot)
	}
	return nil
}
