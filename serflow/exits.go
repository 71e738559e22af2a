package serflow

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/exit/drift"
	accuracy "github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/stage"
)

// exitSet is what a request leaves by, from start to end.
type exitSet struct {
	policies []exit.Policy   // one a stage
	asked    []exit.Policy   // what the exits are asked beside, for watch; nil for nothing
	watch    *accuracy.Watch // that is to hear what they said
	left     []atomic.Int64  // requests by the stage that they left at, until they are counted; nil if these exits are not the usual
}

// exits are those in force, and what watches over them: the machines of packages drift, watch
// and brownout, driven by real time. They are safe for concurrent use.
type exits struct {
	model    stage.Model
	slo      time.Duration
	begun    time.Time
	log      *slog.Logger
	observer Observer
	first    []exit.Policy           // that the pipeline was opened with
	guarded  bool                    // a watch or a brownout has a say in each request
	inForce  atomic.Pointer[exitSet] // of requests that no brownout lets out earlier

	mu       sync.Mutex // guards what follows, and the machines
	usual    *exitSet   // those that were set
	drift    *drift.Monitor
	watched  watched
	brownout *brownout.Brownout // nil, or the same from the beginning
	steps    []*exitSet         // of the brownout
	shown    int                // its step that has been told
	overload overload

	ctx  context.Context // of shadows and ticks
	stop context.CancelFunc
	work sync.WaitGroup
}

// exitOptions are what the user has asked for.
type exitOptions struct {
	drift    *drift.Config
	watch    *accuracy.Config
	brownout *brownout.Config
}

// newExits are the model's, or the first that the watch has. Start them once requests come.
func newExits(m stage.Model, o exitOptions, slo time.Duration, log *slog.Logger, observer Observer) (*exits, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	x := &exits{model: m, slo: slo, begun: time.Now(), log: log, observer: observer, guarded: o.watch != nil || o.brownout != nil}
	x.usual = &exitSet{}
	for _, s := range m.Stages {
		x.usual.policies = append(x.usual.policies, s.Exit)
	}
	for _, open := range []func(exitOptions) error{x.openDrift, x.openWatch, x.openBrownout} {
		if err := open(o); err != nil {
			return nil, err
		}
	}
	x.first = x.usual.policies
	x.count(x.usual)
	x.ctx, x.stop = context.WithCancel(context.Background())
	x.choose()
	return x, nil
}

func (x *exits) now() time.Duration { return time.Since(x.begun) }

// choose puts into force what is to be, but for steps of a brownout.
func (x *exits) choose() {
	set := x.usual
	if w := x.watched.machine; w != nil && w.Rung() != x.watched.config.Start {
		if set = x.watched.full; w.Rung() < len(x.watched.config.Rungs) {
			set = &exitSet{policies: w.Policies()}
		}
	}
	x.inForce.Store(set)
}

// sample is those of some requests that the accuracy watch checks.
type sample struct {
	rows   []int             // that are to go through all exits in the shadow
	shadow *exitSet          // what they do so with
	seen   [][]accuracy.Seen // of requests that pass all exits on their own way: what these have said, by row
}

// admit is what so many requests that begin together are served with. Which of them are checked
// is drawn before anyone knows where they will leave; checked is nil if none is.
func (x *exits) admit(rows int) (set *exitSet, checked *sample) {
	if !x.guarded {
		return x.inForce.Load(), nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	set = x.step(x.inForce.Load(), rows)
	switch {
	case x.watched.machine == nil:
		return set, nil
	case set.asked != nil:
		return set, &sample{seen: make([][]accuracy.Seen, rows)}
	}
	for i := range rows {
		if !x.watched.machine.Sampled(rand.Float64()) {
			continue
		}
		if checked == nil {
			checked = &sample{shadow: x.watched.full}
		}
		checked.rows = append(checked.rows, i)
	}
	return set, checked
}

// ended counts a request that has left at stage k, or has failed.
func (x *exits) ended(set *exitSet, k int, took time.Duration, err error) {
	if err == nil && set.left != nil {
		set.left[k].Add(1)
	}
	if x.brownout != nil {
		x.overload.note(err, x.slo > 0 && took > x.slo)
	}
}

// start has the machines look at the time, if they need to, until stop.
func (x *exits) start() {
	if x.drift == nil && x.brownout == nil {
		return
	}
	x.work.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				x.tick()
			case <-x.ctx.Done():
				return
			}
		}
	})
}

func (x *exits) tick() {
	x.mu.Lock()
	now := x.now()
	events := append(x.tickDrift(now), x.tickBrownout(now)...)
	x.mu.Unlock()
	x.tell(events...)
}

// close ends what is under way in the shadow.
func (x *exits) close() {
	x.stop()
	x.work.Wait()
}

// current are the exits that the next request gets. Nothing is charged for it.
func (x *exits) current() *exitSet {
	if x.brownout != nil && x.brownout.Step() > 0 && !x.watched.alarmed() {
		return x.steps[x.brownout.Step()-1]
	}
	return x.inForce.Load()
}

// count has requests that leave by a set counted, if anyone wants to know.
func (x *exits) count(set *exitSet) {
	if x.drift != nil {
		set.left = make([]atomic.Int64, len(set.policies))
	}
}
