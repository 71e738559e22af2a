package worker

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/internal/wire"
)

// stuckAfter is how long a stage may run on one batch, by default, before its worker is not
// ready any more.
const stuckAfter = time.Minute

// run is what a slot is running.
type run struct {
	stage atomic.Int64
	since atomic.Int64 // when it began, since the worker did; 0 if nothing runs
}

func (r *run) begin(now time.Duration, stage int) {
	r.stage.Store(int64(stage))
	r.since.Store(int64(max(now, 1)))
}

func (r *run) end() { r.since.Store(0) }

// stuck says which stage has run for so long that it may never return: its slot is lost, and
// with all slots the worker. It is nil if there is none. A batch that is run row by row, and
// the rest that a share of a core asks for, are not counted together.
func (w *worker) stuck() error {
	limit, now := cmp.Or(w.setup.Load().Stuck, stuckAfter), w.now()
	for i := range w.slots {
		r := &w.slots[i].run
		if since := time.Duration(r.since.Load()); since > 0 && now-since > limit {
			return fault(wire.StageFailed, "stage %q has not returned for %v, and holds its slot: replace this worker, and have the stage heed its context",
				w.stages.Model.Stages[r.stage.Load()].Name, (now - since).Round(time.Millisecond))
		}
	}
	return nil
}
