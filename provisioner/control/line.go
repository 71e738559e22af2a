package control

import (
	"fmt"
	"maps"
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// Line is one line for a log: a decision to scale, or something that stands in the way of one,
// or does no longer.
type Line struct {
	Warn     bool
	Scale    bool        // From, To and Offer mean something
	Stages   stage.Range // of a group; those of the zero Offer mean nothing
	Offer    string      // the group's first
	From, To int         // VMs of it, or as many as carry the same
	Why      string
}

// String is the line.
func (l Line) String() string {
	if !l.Scale {
		return l.Why
	}
	return fmt.Sprintf("%v: %d -> %d VMs of %q: %s", l.Stages, l.From, l.To, l.Offer, l.Why)
}

func (g *group) line(from int, why string) Line {
	o := g.Offers[0]
	return Line{Scale: true, Stages: o.Stages, Offer: o.Offer.Name, From: from, To: g.want, Why: why}
}

// say adds a warning if it is not what was said last about the same thing, and a line when all is
// well again, which an empty warning says.
func (l *Loop) say(lines *[]Line, about, what string) {
	old := l.said[about]
	if l.said[about] = what; what == "" {
		delete(l.said, about)
	}
	switch {
	case what == old:
	case what != "":
		*lines = append(*lines, Line{Warn: true, Why: what})
	default:
		*lines = append(*lines, Line{Why: about + ": all is well again, after: " + old})
	}
}

// Troubles are the warnings that hold now.
func (l *Loop) Troubles() (all []string) {
	for _, about := range slices.Sorted(maps.Keys(l.said)) {
		all = append(all, l.said[about])
	}
	return all
}
