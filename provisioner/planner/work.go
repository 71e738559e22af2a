package planner

import "math/bits"

// workIn is the slot-seconds of a request in batches of so many rows.
func (f *fleet) workIn(rows int) (work float64) {
	for s := f.in.First; s <= f.in.Last; s++ {
		work += f.p.visits(f.in.First, s) * f.perRow(s, rows)
	}
	return work
}

// perRow is the slot-seconds of a stage for one of so many rows.
func (f *fleet) perRow(s, rows int) float64 {
	if i := bits.Len(uint(rows)) - 1; i < sizes && rows == 1<<i {
		return f.p.vms[f.vm].batches[s][i] / float64(rows)
	}
	return f.p.VMs[f.vm].Times.Mean(s, rows).Seconds() / float64(rows)
}

// bestBatch is the size at which a VM does most, if sizes below it do notably less, and a full
// batch is through well before the deadline.
func (f *fleet) bestBatch(v VM) int {
	if v.MaxBatch > 0 {
		return v.MaxBatch
	}
	const notably = 0.95
	best, least := 1, f.workIn(1)
	for i := 1; i < sizes; i++ {
		rows, through := 1<<i, 0.0
		for s := f.in.First; s <= f.in.Last; s++ {
			through += f.p.vms[f.vm].batches[s][i]
		}
		if through > f.deadline/2 {
			break
		}
		if work := f.workIn(rows); work < notably*least {
			best, least = rows, work
		}
	}
	return best
}

// variation is the squared coefficient of variation of a single row's work, over its exits.
func (f *fleet) variation() float64 {
	pace := f.p.vms[f.vm]
	mean, squares, sum, variance := 0.0, 0.0, 0.0, 0.0
	for s := f.in.First; s <= f.in.Last; s++ {
		sum, variance = sum+pace.mean[s], variance+pace.variance[s]
		share := f.p.leaves(f.in.First, s, f.in.Last)
		mean, squares = mean+share*sum, squares+share*(sum*sum+variance)
	}
	return max(squares/(mean*mean)-1, 0)
}
