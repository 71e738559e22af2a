// Package watch is the accuracy watch: it checks a sample of requests for whether early exits
// still give the answer of the last one, and makes the exits stricter when they do not. The
// inputs may drift so that as many leave as ever, and wrongly.
//
// The driver asks Sampled before a request's exit is known. A request in the sample is answered
// as any other, and then goes on in the shadow, when there is room, to the last exit, without
// leaving; Asked says how each exit on the way is to be evaluated. What they said goes to Observe,
// which tells whether to serve with other Policies from now on. At full depth every request is
// in the sample, since it passes all exits anyway.
//
// Each sample counts for all rungs of the ladder at once, because what an exit says of a row answers for
// every threshold. So the watch knows whether a looser rung would do before it goes there.
//
// It is plain state: it starts no goroutine, reads no clock and does no I/O. Times are
// durations since an origin of the driver's choice, and never go back.
package watch

import (
	"time"

	"github.com/serflow/serflow-go/exit"
)

// Watch is that of one model. It is not safe for concurrent use.
type Watch struct {
	config Config
	asked  []exit.Policy
	full   []exit.Policy
	rungs  []rung
	at     int // the rung in force; len(rungs) is full depth
	last   step
	rest   time.Duration // before a step to a looser rung

	samples  int // in the block
	block    int
	unusable int
}

// Seen is what one exit said of a request.
type Seen struct {
	Class int // -1 if the row was bad
	Score float64
}

// Saw is what a decision of an exit in Asked says.
func Saw(d exit.Decision) Seen { return Seen{d.Class, d.Score} }

// New is a watch that has seen nothing. The driver's slices are copied.
func New(config Config) (*Watch, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Watch{config: c, at: c.Start, rest: c.Rest, asked: askedOf(c.Rungs)}
	for _, policies := range c.Rungs {
		w.rungs = append(w.rungs, newRung(policies, c))
	}
	for range len(w.asked) - 1 {
		w.full = append(w.full, exit.Never())
	}
	w.full = append(w.full, w.asked[len(w.asked)-1])
	return w, nil
}

// Sampled tells whether a request is in the sample, given a random number from [0,1).
func (w *Watch) Sampled(random float64) bool {
	return w.at == len(w.rungs) || random < w.config.Share
}

// Asked are the policies to evaluate a sampled request with at each exit, whatever is in force and
// without leaving: they have the kinds and temperatures of all rungs. It is not to be changed.
func (w *Watch) Asked() []exit.Policy { return w.asked }

// Policies are those in force, one a stage. They are not to be changed.
func (w *Watch) Policies() []exit.Policy {
	if w.at == len(w.rungs) {
		return w.full
	}
	return w.rungs[w.at].policies
}

// Rung is the index of the policies in force in Config.Rungs; their number stands for full depth.
func (w *Watch) Rung() int { return w.at }

// Alarmed holds while the exits are stricter than they were at the start, since what was promised is not kept.
func (w *Watch) Alarmed() bool { return w.at > w.config.Start }

// Observe takes what every exit said of a sampled request, one a stage, and tells whether the policies
// in force have changed. A request of which the last exit saw a bad row shows nothing. Another number
// of exits than the model's is ignored. It keeps nothing of seen.
func (w *Watch) Observe(now time.Duration, seen []Seen) (changed bool) {
	if len(seen) != len(w.asked) || seen[len(seen)-1].Class < 0 {
		w.unusable++
		return false
	}
	w.slide()
	for i := range w.rungs {
		w.rungs[i].add(seen, w.block)
	}
	return w.climb(now)
}

// slide makes room in the window for one more sample.
func (w *Watch) slide() {
	w.samples++
	if w.samples <= w.config.Window/blocks {
		return
	}
	w.samples = 1
	w.block = (w.block + 1) % blocks
	for i := range w.rungs {
		clear(w.rungs[i].window[w.block])
	}
}
