package control

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// patience is for how long what the plan says stands without a single request.
const patience = 10 * time.Minute

// begin takes the seconds up to that of the first request, of which a part is missing, for unknown: a program that has just started, and
// has not been sent any yet, is no reason to end what was planned for them. After patience, or with
// memory of an earlier run, none is what comes.
func (l *Loop) begin(now time.Duration, s Seen) Seen {
	if l.begun || len(s.Counts) == 0 {
		return s
	}
	if l.begun = now-l.opened > patience; l.begun {
		return s
	}
	first := s.Counts[0].First + int64(len(s.Counts[0].Each))
	if i := slices.IndexFunc(s.Counts[0].Each, func(n int) bool { return n > 0 }); i >= 0 {
		l.begun, first = true, s.Counts[0].First+int64(i)+1
	}
	s.Counts = slices.Clone(s.Counts)
	for i, c := range s.Counts {
		s.Counts[i] = from(first, c)
	}
	return s
}

// from makes all counts before a second unknown.
func from(second int64, c estimate.Counts) estimate.Counts {
	n := min(max(second-c.First, 0), int64(len(c.Each)))
	c.Each = slices.Clone(c.Each)
	for i := range c.Each[:n] {
		c.Each[i] = -1
	}
	return c
}
