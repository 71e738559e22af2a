package serflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
	accuracy "github.com/serflow/serflow-go/exit/watch"
)

// Watch has a share of the requests, 1 % by default, checked for whether their early answers are
// the last exit's, and makes the exits stricter when they are so less often than Config's Reference and
// Bound promise: up to full depth, and back by itself. Inputs may drift so that as many requests leave
// early as ever, and wrongly; nothing else sees that.
//
// Which requests these are is drawn before they run. Each is answered as any other, and then its
// input goes through all stages once more, in the shadow: on a VM with a free slot, never in a
// function, and behind all other rows there; in process, while fewer calls run than there are
// processors. Where there is no such room it is dropped, and whatever a shadow comes to reaches no caller; if none of a hundred
// in a row has come to anything, the Log is told that the watch sees nothing. At
// full depth all requests are checked on their own way. Shadows end at Shutdown. What they cost is in
// Stats, among the visits and dollars of groups too.
//
// Config's Rungs may be left out: then they are watch.Ladder of the model's exits. Else
// Rungs[Start] replaces the model's exits. Reference is that of exit.Replay.
func Watch(c accuracy.Config) Option { return func(p *Pipeline) { p.watching.watch = &c } }

// WatchStats is what the accuracy watch has seen and done.
type WatchStats struct {
	Rung    int             // in force, of Rungs; as many as there are stand for full depth
	Rungs   int             // sets of policies
	Alarmed bool            // stricter exits than the usual ones are in force
	Report  accuracy.Report // of the rung in force

	Sampled int64   // requests that were answered, and drawn to be checked or served at full depth
	Checked int64   // of them, those whose exits have all been heard
	Dropped int64   // of them, those without room, or cut off by other requests or Shutdown
	Failed  int64   // of them, those whose shadow failed
	Dollars float64 // of shadows: also in those of their groups
}

// watched is the accuracy watch, if there is one.
type watched struct {
	machine *accuracy.Watch
	config  accuracy.Config
	full    *exitSet // full depth, on the way to which all exits are asked
	stats   WatchStats
	unheard int // samples in a row that have shown nothing
}

func (w *watched) rung() int {
	if w.machine == nil {
		return 0
	}
	return w.machine.Rung()
}

func (w *watched) alarmed() bool { return w.machine != nil && w.machine.Alarmed() }

func (x *exits) openWatch(o exitOptions) error {
	if o.watch == nil {
		return nil
	}
	c := *o.watch
	if len(c.Rungs) == 0 {
		c.Rungs = accuracy.Ladder(x.usual.policies)
	}
	for i, rung := range c.Rungs {
		if _, err := checkExits(rung, len(x.model.Stages)); err != nil {
			return wrongOption("serflow.Watch", fmt.Errorf("%w: rung %d: %w", accuracy.ErrConfig, i, err))
		}
	}
	if err := x.openRungs(c); err != nil {
		return wrongOption("serflow.Watch", err)
	}
	x.usual.policies = x.watched.machine.Policies()
	return nil
}

// openRungs starts a watch afresh.
func (x *exits) openRungs(c accuracy.Config) error {
	w, err := accuracy.New(c)
	if err != nil {
		return err
	}
	asked := w.Asked()
	full := slices.Repeat([]exit.Policy{exit.Never()}, len(asked))
	full[len(asked)-1] = asked[len(asked)-1]
	x.watched.machine, x.watched.config = w, c
	x.watched.full = &exitSet{policies: full, asked: asked, watch: w}
	return nil
}

// rewatch watches over other policies by the same promise.
func (x *exits) rewatch(policies []exit.Policy) error {
	if x.watched.machine == nil {
		return nil
	}
	c := x.watched.config
	c.Rungs, c.Start = accuracy.Ladder(policies), 0
	return x.openRungs(c)
}

// wrongOption is the error of an option that cannot be.
func wrongOption(name string, err error) error {
	return &Error{Err: fmt.Errorf("%w: %w", ErrInput, err), Remedy: "change " + name}
}

// observe takes what every exit said of requests that passed them all.
func (x *exits) observe(set *exitSet, requests ...[]accuracy.Seen) {
	var events []ExitsEvent
	x.mu.Lock()
	for _, seen := range requests {
		x.watched.stats.Checked++
		x.watched.unheard = 0
		w := x.watched.machine
		if w != set.watch { // other exits have been set meanwhile
			continue
		}
		if before := w.Rung(); w.Observe(x.now(), seen) {
			x.choose()
			events = append(events, x.moved(before))
		}
	}
	x.mu.Unlock()
	x.tell(events...)
}

// moved says that the watch has gone from one rung to another.
func (x *exits) moved(from int) ExitsEvent {
	w := x.watched.machine
	to := w.Rung()
	e := ExitsEvent{Cause: ExitsWatch, Over: to == x.watched.config.Start, Level: to, Policies: x.current().policies}
	if all := w.Report(min(from, to)).All; all.Left > 0 {
		e.Expected, e.Seen = all.Expected, float64(all.Agree)/float64(all.Left)
	}
	return e
}

// sampled counts requests that are to be checked.
func (x *exits) sampled(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.watched.stats.Sampled += int64(n)
}

// dropped counts those that found no room.
func (x *exits) dropped(n int) {
	x.mu.Lock()
	w := &x.watched
	w.stats.Dropped += int64(n)
	blind := w.miss(n)
	x.mu.Unlock()
	x.warn(blind)
}

// blindAfter is how many samples in a row show nothing before that is said.
const blindAfter = 100

// miss counts samples that have shown nothing; stats if it is time to say so.
func (w *watched) miss(n int) (blind *WatchStats) {
	if w.unheard += n; w.unheard >= blindAfter && w.unheard-n < blindAfter {
		stats := w.stats
		return &stats
	}
	return nil
}

// warn says that the watch sees nothing: then it raises no alarm.
func (x *exits) warn(blind *WatchStats) {
	if blind != nil {
		x.log.Warn("the accuracy watch sees nothing: its samples need VMs with free slots for all stages, or in process idle processors",
			"in a row", blindAfter, "checked", blind.Checked, "dropped", blind.Dropped, "failed", blind.Failed)
	}
}

// errNoRoom ends a shadow that would be in the way of requests.
var errNoRoom = errors.New("no room for a shadow")

// shadowTime is how long a shadow may take: it may have to wait for idle slots, but not for ever.
const shadowTime = 30 * time.Second

// shadow is the way of n sampled requests through all exits.
func (x *exits) shadow(set *exitSet, n int, through func(context.Context) (seen [][]accuracy.Seen, dollars float64, err error)) {
	ctx, cancel := context.WithCancel(x.ctx) // without a deadline, which workers would serve by
	defer cancel()
	defer time.AfterFunc(shadowTime, cancel).Stop()
	seen, dollars, err := through(ctx)
	var blind *WatchStats
	x.mu.Lock()
	s := &x.watched.stats
	s.Dollars += dollars
	switch {
	case err == nil:
	case ctx.Err() != nil, errors.Is(err, errNoRoom), errors.Is(err, ErrCapacity):
		s.Dropped += int64(n)
		blind = x.watched.miss(n)
	default:
		s.Failed += int64(n)
		blind = x.watched.miss(n)
	}
	x.mu.Unlock()
	x.warn(blind)
	if err == nil {
		x.observe(set, seen...)
	}
}

func (x *exits) watchStats() *WatchStats {
	w := x.watched.machine
	if w == nil {
		return nil
	}
	s := x.watched.stats
	s.Rung, s.Rungs, s.Alarmed, s.Report = w.Rung(), len(x.watched.config.Rungs), w.Alarmed(), w.Report(w.Rung())
	return &s
}
