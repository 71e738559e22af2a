package depth

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Exits is where the rows of a data set left a model.
type Exits struct {
	Model  string // its fingerprint
	Stages []int  // at which stage, from 0, each row left, in the order in which rows were recorded
}

// Recorded are exits that were checked against the model to simulate.
type Recorded struct {
	exits []int
	reach []float64
}

// NewRecorded takes exits that were recorded of the model with this fingerprint and so
// many stages. The error wraps ErrDepth.
func NewRecorded(x Exits, model string, stages int) (*Recorded, error) {
	if x.Model != model {
		return nil, fmt.Errorf("%w: the exits are of model %q, and this is %q: record this one's", ErrDepth, x.Model, model)
	}
	if len(x.Stages) == 0 {
		return nil, fmt.Errorf("%w: no exits: record those of at least one row", ErrDepth)
	}
	reached := make([]int, max(stages, 0)) // rows
	for i, s := range x.Stages {
		if s < 0 || s >= stages {
			return nil, fmt.Errorf("%w: row %d left at stage %d, counted from 0, of %d", ErrDepth, i, s, stages)
		}
		reached[s]++
	}
	for s := stages - 2; s >= 0; s-- {
		reached[s] += reached[s+1]
	}
	rec := &Recorded{exits: slices.Clone(x.Stages)}
	for _, n := range reached {
		rec.reach = append(rec.reach, float64(n)/float64(len(x.Stages)))
	}
	return rec, nil
}

// Reach is the share of rows that got as far as each stage, for Fixed, or to drift from
// or to.
func (rec *Recorded) Reach() []float64 { return slices.Clone(rec.reach) }

// Blocks replays the rows in blocks, each from a row drawn at random onwards, and on from
// the first row after the last. A block's length is geometric with a mean of at least 1 row: the
// stationary bootstrap (Politis and Romano, J. Am. Stat. Assoc. 1994). So runs of the
// recorded order stay, up to that length, and with a mean of 1 each row is drawn by itself.
//
// A row's rank is drawn among those of the stage at which it left. With its own Reach
// each row leaves where it was recorded to; with another, as many more or fewer
// leave there as that reach says, and within a stage it is chance which. The error wraps ErrDepth.
func (rec *Recorded) Blocks(mean float64, r *rand.Rand) (Ranks, error) {
	if !(mean >= 1) {
		return nil, fmt.Errorf("%w: blocks of %v rows in the mean: give at least 1", ErrDepth, mean)
	}
	low := append(rec.Reach()[1:], 0) // [stage] the lowest rank that leaves there
	end, row := 1/mean, r.IntN(len(rec.exits))
	return func() float64 {
		s := rec.exits[row]
		rank := within(low[s], rec.reach[s], r.Float64())
		if row++; row == len(rec.exits) {
			row = 0
		}
		if r.Float64() < end {
			row = r.IntN(len(rec.exits))
		}
		return rank
	}, nil
}

// within is the number a share u, below 1, of the way from low to below high.
func within(low, high, u float64) float64 {
	if rank := low + u*(high-low); rank < high {
		return rank
	}
	return low // rounded up to high
}
