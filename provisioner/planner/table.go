package planner

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// loads are the rates at which a table is made, over what the VMs can do at most. Between
// them what is carried is interpolated; beyond the last it stays.
var loads = []float64{0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.15, 1.5, 2, 3}

const (
	doublings = 6    // tables are of 1, 2, 4, ... 32 VMs: more share no better
	rowsTried = 3000 // that count, of each entry
)

// table is what VMs carry, filled in as it is asked for.
type table struct {
	trial   *trial
	seed    uint64
	rows    int
	entries [doublings][]*outcome
	made    *int
}

// share is what n VMs carry at a load: linear in load in what they carry, and in the
// logarithm of n.
func (t *table) share(n int, load float64) float64 {
	return t.mixed(n, load, func(o *outcome) float64 { return o.carried })
}

// mixed is any share of an outcome, interpolated.
func (t *table) mixed(n int, load float64, of func(*outcome) float64) float64 {
	i := min(bits.Len(uint(n))-1, doublings-1)
	low := t.along(i, load, of)
	if n == 1<<i || i == doublings-1 {
		return low
	}
	w := math.Log2(float64(n)) - float64(i)
	return (1-w)*low + w*t.along(i+1, load, of)
}

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

// at is an entry. All are drawn with the same numbers, so that they differ by no more than they must.
func (t *table) at(i, k int) *outcome {
	if t.entries[i] == nil {
		t.entries[i] = make([]*outcome, len(loads))
	}
	if t.entries[i][k] == nil {
		n := 1 << i
		rows := t.rows
		if loads[k] < 0.5 || loads[k] > 1.2 {
			rows = rows * 3 / 8 // far from a full load little is left to chance
		}
		o := t.trial.try(n, loads[k]*float64(n)*t.trial.saturated, rows, rand.New(rand.NewPCG(t.seed, 1)))
		t.entries[i][k] = &o
		*t.made++
	}
	return t.entries[i][k]
}
