package drift

import (
	"fmt"
	"slices"
	"time"
)

// Snapshot is what a monitor knows, as plain data that JSON keeps exactly. A monitor that
// goes on from one has forgotten no more than the slice that had not ended.
type Snapshot struct {
	Expected []float64 // reach; empty while it is being learned
	Recent   []float64 // requests by the stage at which they left, old ones forgotten in part
	Learned  []float64 // the same, of the warm-up
	Warming  time.Duration
	Tests    []TestSnapshot // of stages 1 and up; empty while there is no reference
}

// TestSnapshot is what is known of one stage's reach.
type TestSnapshot struct {
	Above, Below Evidence
	Alarm        *Alarm        `json:",omitempty"` // if there is one; its Since is 0
	Age          time.Duration `json:",omitempty"` // of the alarm
}

// Evidence is that of a reach beyond the allowance on one side.
type Evidence struct {
	Cusum   [rivals]float64
	Since   [rivals]Tally
	Healing float64
}

// Snapshot copies what the monitor knows.
func (m *Monitor) Snapshot(now time.Duration) Snapshot {
	s := Snapshot{
		Expected: slices.Clone(m.expected),
		Recent:   slices.Clone(m.decayed),
		Learned:  slices.Clone(m.learned),
		Warming:  m.warming,
	}
	for _, w := range m.stages[min(1, len(m.stages)):] {
		t := TestSnapshot{Above: w.above.evidence(), Below: w.below.evidence()}
		if w.alarmed {
			alarm := w.alarm
			alarm.Since, t.Age, t.Alarm = 0, now-alarm.Since, &alarm
		}
		s.Tests = append(s.Tests, t)
	}
	return s
}

func (t *test) evidence() Evidence { return Evidence{t.cusum, t.since, t.healing} }

// Restore goes on from a snapshot, which may be from a monitor whose time had another origin.
// If the monitor's configuration names another reference than the snapshot's, that stands, and
// of the snapshot only the recent rates are taken. A snapshot that fits no monitor of so many
// stages, or that holds numbers which cannot be, is refused, and changes nothing: start afresh then.
func (m *Monitor) Restore(now time.Duration, s Snapshot) error {
	if err := s.check(m.config.Stages); err != nil {
		return err
	}
	copy(m.decayed, s.Recent)
	if m.config.Reference != nil && !slices.Equal(s.Expected, reach(m.config.Reference)) {
		return nil
	}
	copy(m.learned, s.Learned)
	m.warming = s.Warming
	if len(s.Expected) == 0 {
		return nil
	}
	m.expectReach(s.Expected)
	for i, t := range s.Tests {
		w := &m.stages[i+1]
		w.above.restore(t.Above)
		w.below.restore(t.Below)
		if t.Alarm != nil {
			w.alarm, w.alarmed = *t.Alarm, true
			w.alarm.Since = now - t.Age
		}
	}
	return nil
}

func (t *test) restore(e Evidence) { t.cusum, t.since, t.healing = e.Cusum, e.Since, e.Healing }

func (s Snapshot) check(stages int) error {
	known := len(s.Expected) > 0
	if len(s.Recent) != stages || len(s.Learned) != stages || known && (len(s.Expected) != stages || len(s.Tests) != stages-1) || !known && len(s.Tests) > 0 {
		return fmt.Errorf("%w: not of %d stages: start afresh", ErrSnapshot, stages)
	}
	ok := s.Warming >= 0 && counts(s.Recent...) && counts(s.Learned...) && counts(s.Expected...) && (!known || slices.Max(s.Expected) <= 1)
	for _, t := range s.Tests {
		ok = ok && t.Above.sound() && t.Below.sound()
	}
	if !ok {
		return fmt.Errorf("%w: it holds numbers that cannot be: start afresh", ErrSnapshot)
	}
	return nil
}

func (e Evidence) sound() bool {
	ok := finite(e.Healing) && finite(e.Cusum[:]...)
	for _, t := range e.Since {
		ok = ok && counts(t.Reached, t.Requests) && t.Reached <= t.Requests+0.5
	}
	return ok
}

func counts(list ...float64) bool {
	return finite(list...) && !slices.ContainsFunc(list, func(x float64) bool { return x < 0 })
}

func finite(list ...float64) bool {
	return !slices.ContainsFunc(list, func(x float64) bool { return x-x != 0 })
}
