package provisioner

import (
	"math"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// mostRows limits what is told of batches, for clouds pass only some kilobytes on to a VM.
const mostRows = 256

// Queue is how a VM of a group runs its rows, for a model of so many stages.
func (e Expect) Queue(g VMGroup, stages int) queue.Config {
	curve, rest, need := make([][]time.Duration, stages), make([]time.Duration, stages), e.Need(g, stages)
	behind := time.Duration(0)
	if next := g.Stages.Last + 1; next < stages {
		behind = need[next]
	}
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		curve[s] = e.curve(g, s)
		rest[s] = sum(profile.Longest(e.Times[g.Offer.Name], s, g.Stages.Last), behind)
	}
	return queue.Config{
		Stages: stages, Slots: g.SlotsOf(), MaxBatch: g.MaxBatch, Window: g.Window, Limit: g.Limit,
		Need: need, Least: e.Least(g, stages), Rest: rest, Curve: curve,
	}
}

// Both is Queue for a VM that serves the next group and, while requests move there, one of another plan on the
// same offer: stages that only the latter has run as there.
func (e Expect) Both(old, next VMGroup, stages int) queue.Config {
	q, before := e.Queue(next, stages), e.Queue(old, stages)
	for s := old.Stages.First; s <= old.Stages.Last; s++ {
		if !next.Stages.Has(s) {
			q.Need[s], q.Least[s], q.Rest[s], q.Curve[s] = before.Need[s], before.Least[s], before.Rest[s], before.Curve[s]
		}
	}
	q.MaxBatch = max(q.MaxBatch, before.MaxBatch)
	if q.Limit = max(q.Limit, before.Limit); next.Limit == 0 || old.Limit == 0 {
		q.Limit = 0
	}
	return q
}

// curve is the time of batches of a stage, of one row up to as many as are worth it.
func (e Expect) curve(g VMGroup, stage int) []time.Duration {
	curve := make([]time.Duration, min(max(g.MaxBatch, 1), mostRows))
	for i := range curve {
		curve[i] = sum(e.Times[g.Offer.Name].Mean(stage, i+1))
	}
	return curve[:queue.Worth(curve)]
}

// batch is how many requests a slot of a group's VMs serves together, and the part of a
// request's time that such a batch takes once, by the time that requests are expected to spend
// at each stage.
func (e Expect) batch(g VMGroup) (size int, once float64) {
	rows, batches, full := 0.0, 0.0, 0.0
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		curve := e.curve(g, s)
		share := e.Plan.GoOn(g.Stages.First, s)
		rows += float64(curve[0]) * share
		batches += float64(curve[0]) * share / float64(len(curve))
		full += float64(curve[len(curve)-1]) * share / float64(len(curve))
	}
	n := rows / batches
	if n <= 1 {
		return 1, 0
	}
	// A row of a full batch takes once/n + (1-once) of its time alone.
	return int(math.Round(n)), min(max((1-full/rows)*n/(n-1), 0), 1)
}
