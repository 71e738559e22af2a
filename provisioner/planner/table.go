package planner

import (
	"math/bits"
	"math/rand/v2"
	"slices"
)

// loads are the rates at which a table is made, over what the VMs can do at most. Between
// them what is carried is interpolated; beyond the last it stays.
var loads = []float64{0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.15, 1.5, 2, 3}

const (
	doublings = 6    // tables are of 1, 2, 4, ... 32 VMs: more share no better
	rowsTried = 2000 // that count, of each entry while it is looked for what is the best
	chosen    = 6    // times as many, of what is chosen: the best of many is also the luckiest
)

// table is what VMs carry, filled in as it is asked for.
type table struct {
	trial   *trial
	seed    uint64
	rows    int
	entries [doublings][]*outcome
	made    *int
}

// share is what n VMs carry at a load: linear in load in what they carry, and in 1/n.
func (t *table) share(n int, load float64) float64 {
	return t.mixed(n, load, (*outcome).carried)
}

// mixed is any share of an outcome, interpolated.
func (t *table) mixed(n int, load float64, of func(*outcome) float64) float64 {
	i := min(bits.Len(uint(n))-1, doublings-1)
	low := t.along(i, load, of)
	if n == 1<<i || i == doublings-1 {
		return low
	}
	w := between(n, i)
	return (1-w)*low + w*t.along(i+1, load, of)
}

// between is how far n is from 1<<i VMs to twice as many. VMs share their idle moments, so what they
// carry changes as 1/n does.
func between(n, i int) float64 { return 2 - 2*float64(int(1)<<i)/float64(n) }

func (t *table) along(i int, load float64, of func(*outcome) float64) float64 {
	return interpolated(loads, load, func(k int) float64 { return of(t.at(i, k)) })
}

// interpolated is a share at a load, given those at some loads. What lies between is linear in
// the work that is carried; beyond the last, that work stays.
func interpolated(loads []float64, load float64, share func(k int) float64) float64 {
	last := len(loads) - 1
	k, _ := slices.BinarySearch(loads, load)
	switch {
	case k == 0:
		return share(0)
	case k > last:
		return share(last) * loads[last] / load
	}
	a, b := loads[k-1], loads[k]
	w := (load - a) / (b - a)
	return ((1-w)*a*share(k-1) + w*b*share(k)) / load
}

// at is an entry. VMs that have more to do than they can are all busy: of many, each carries what
// it would of a few.
func (t *table) at(i, k int) *outcome {
	if loads[k] > 1 {
		i = min(i, few)
	}
	if t.entries[i] == nil {
		t.entries[i] = make([]*outcome, len(loads))
	}
	if t.entries[i][k] == nil {
		t.try(i, k, 1)
	}
	return t.entries[i][k]
}

// few is the row of four VMs.
const few = 2

// try makes an entry with so many times as many requests as usual. All are drawn with the same
// numbers, so that they differ by no more than they must. VMs carry little more than a part of
// 1/load, by requests that leave early; more only seems to be carried while queues fill up.
func (t *table) try(i, k, times int) {
	n, load := 1<<i, loads[k]
	o := t.trial.try(n, load*float64(n)*t.trial.rate, times*t.rowsOf(i, k), rand.New(rand.NewPCG(t.seed, 1)))
	const early = 0.02
	o.away = max(o.away, 1-1/load-early-o.late)
	t.entries[i][k] = o
	*t.made++
}

// rowsOf are the requests of an entry. Far from a full load little is left to chance; at one, queues
// of many VMs take longer to show how long they get.
func (t *table) rowsOf(i, k int) int {
	switch load := loads[k]; {
	case load < 0.5 || load > 1.2:
		return t.rows / 2
	case load >= fullLoad:
		return t.rows * max(1<<i/8, 1)
	}
	return t.rows
}

// improve tries an entry with so many times as many requests, if that could change what it says. It
// tells whether it has.
func (t *table) improve(i, k, times int) bool {
	const little, full = 1e-3, 1.2
	o, load := t.at(i, k), loads[k]
	switch {
	case load > full, load > 1 && i > few, load < fullLoad && o.away+o.late < little:
		return false
	case o.rows >= float64(times*t.rowsOf(i, k)):
		return false
	}
	t.try(i, k, times)
	return true
}

// improveAt improves all that is known of n VMs at a load.
func (t *table) improveAt(n int, load float64, times int) (learned bool) {
	i := min(bits.Len(uint(n))-1, doublings-1)
	k, _ := slices.BinarySearch(loads, load)
	for _, row := range [2]int{i, min(i+1, doublings-1)} {
		for _, column := range [2]int{max(k-1, 0), min(k, len(loads)-1)} {
			if row == i || n > 1<<i {
				learned = t.improve(row, column, times) || learned
			}
		}
	}
	return learned
}
