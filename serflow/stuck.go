package serflow

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// stuckAfter is for how long a stage of a group may run on one batch before its VM is taken
// for stuck, and replaced: many times as long as all stages seldom exceed. It is 0, the
// worker's default, if nobody has said how long they take, nor how long a request may.
func (r *rental) stuckAfter(g provisioner.VMGroup) time.Duration {
	const (
		times = 20
		least = 10 * time.Second // for a machine that stalls
		most  = 24 * time.Hour   // that a stage takes
	)
	if r.stuck > 0 || r.supposed[g.Offer.Name] && r.slo == 0 {
		return r.stuck
	}
	t := r.times[g.Offer.Name]
	longest := profile.Longest(t, 0, t.Stages()-1)
	for s := g.Stages.First; s <= g.Stages.Last; s++ {
		longest = max(longest, t.Quantile(s, max(g.MaxBatch, 1), 0.99))
	}
	return max(times*min(longest, most), r.slo, least)
}
