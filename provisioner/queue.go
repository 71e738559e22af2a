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
	curve, rest := make([][]time.Duration, stages), make([]time.Duration, stages)
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		curve[s] = e.curve(g, s)
		rest[s] = sum(profile.Longest(e.Times[g.Offer.Name], s, g.Stages.Last))
	}
	return queue.Config{
		Stages: stages, Slots: g.SlotsOf(), MaxBatch: g.MaxBatch, Window: g.Window, Limit: g.Limit,
		Need: e.Need(g, stages), Rest: rest, Curve: curve,
	}
}

// curve is the time of batches of a stage, of one row up to as many as are worth it.
func (e Expect) curve(g VMGroup, stage int) []time.Duration {
	curve := make([]time.Duration, min(max(g.MaxBatch, 1), mostRows))
	for i := range curve {
		curve[i] = sum(e.Times[g.Offer.Name].Mean(stage, i+1))
	}
	return curve[:queue.Worth(curve)]
}

// batch is how many requests a slot of a group's VMs serves together, by the time that they
// are expected to spend at each stage.
func (e Expect) batch(g VMGroup) int {
	rows, batches := 0.0, 0.0
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		curve := e.curve(g, s)
		time := float64(curve[0]) * e.Plan.GoOn(g.Stages.First, s)
		rows += time
		batches += time / float64(len(curve))
	}
	return int(math.Round(rows / batches))
}
