package serflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/serflow/serflow-go/exit"
)

// ExitsCause is why something has changed in how requests leave.
type ExitsCause string

// The causes.
const (
	ExitsSet      ExitsCause = "set"      // by SetExits
	ExitsDrift    ExitsCause = "drift"    // another share of the requests reaches a stage than expected
	ExitsWatch    ExitsCause = "watch"    // early answers are the last exit's less often than promised, or as often again
	ExitsBrownout ExitsCause = "brownout" // requests are shed or late, or not any more
)

// ExitsEvent is a change in how requests leave.
type ExitsEvent struct {
	Cause ExitsCause
	Over  bool // it is as expected again: at a stage, or in all

	// Expected and Seen are shares of the requests. Of a drift: those that reach the stage, by the
	// reference and since it seems to have begun; once it is over, of late. Of the watch: those whose
	// answer is the last exit's, by the reference and in recent samples under the looser of the exits
	// before and after. Of a brownout, Seen is those that were shed or late.
	Expected, Seen float64

	Stage    string        // of a drift
	Level    int           // the watch's rung, or the brownout's step
	Policies []exit.Policy // that requests leave by from now on; not of a drift
}

// tell puts events into the log, one line each, and shows them to the observer. The caller holds
// no lock.
func (x *exits) tell(events ...ExitsEvent) {
	for _, e := range events {
		e.Policies = slices.Clone(e.Policies)
		write := x.log.Warn
		if e.Over || e.Cause == ExitsSet {
			write = x.log.Info
		}
		write(e.Cause.inWords(e.Over), e.details()...)
		x.observer.ExitsChanged(e)
	}
}

// details are a log line's.
func (e *ExitsEvent) details() []any {
	exits := []any{"exits", inPolicies(e.Policies)}
	switch e.Cause {
	case ExitsDrift:
		return []any{"stage", e.Stage, "expected", percent(e.Expected), "seen", percent(e.Seen)}
	case ExitsWatch:
		return append(exits, "rung", e.Level, "expected", percent(e.Expected), "seen", percent(e.Seen))
	case ExitsBrownout:
		return append(exits, "step", e.Level, "seen", percent(e.Seen))
	}
	return exits
}

func (c ExitsCause) inWords(over bool) string {
	switch {
	case c == ExitsDrift && over:
		return "drift is over: as many requests reach the stage as expected"
	case c == ExitsDrift:
		return "drift: another share of the requests reaches the stage than expected"
	case c == ExitsWatch && over:
		return "accuracy watch: the exits are as usual again"
	case c == ExitsWatch:
		return "accuracy watch: other exits, for how often early answers are the last exit's"
	case c == ExitsBrownout && over:
		return "brownout is over: the exits are as usual again"
	case c == ExitsBrownout:
		return "brownout: requests leave earlier, for the share that is shed or late"
	}
	return "exits have been set"
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// inPolicies is exits as messages show them: "maxprob 0.9; final".
func inPolicies(policies []exit.Policy) string {
	words := make([]string, len(policies))
	for i, p := range policies {
		words[i] = string(p.Kind)
		switch p.Kind {
		case exit.KindMaxProb, exit.KindEntropy, exit.KindMargin:
			words[i] += " " + strconv.FormatFloat(p.Threshold, 'g', 4, 64)
		case exit.KindPatience:
			words[i] += " " + strconv.Itoa(p.Patience)
		}
	}
	return strings.Join(words, "; ")
}
