package profile

import (
	"fmt"
	"slices"
)

// Merge is what both profiles together have measured, of the same model on the same offer: of each
// stage and batch size all samples. Neither is changed. The error wraps ErrProfile.
func (p *Profile) Merge(other *Profile) (*Profile, error) {
	switch {
	case other == nil:
		return p, nil
	case p.model != other.model:
		return nil, fmt.Errorf("%w: of model %q and of model %q: merge profiles of the same model", ErrProfile, p.model, other.model)
	case p.offer != other.offer:
		return nil, fmt.Errorf("%w: of offer %q and of offer %q: merge profiles of the same offer", ErrProfile, p.offer, other.offer)
	case len(p.stages) != len(other.stages):
		return nil, fmt.Errorf("%w: of %d stages and of %d: merge profiles of the same model", ErrProfile, len(p.stages), len(other.stages))
	}
	stages := make([][]Batch, len(p.stages))
	for s := range stages {
		stages[s] = merge(p.stages[s], other.stages[s])
	}
	return New(p.model, p.offer, stages)
}

// merge is one stage's batch sizes.
func merge(a, b []size) (all []Batch) {
	for _, s := range slices.Concat(a, b) {
		i, found := slices.BinarySearchFunc(all, s.Rows, func(b Batch, rows int) int { return b.Rows - rows })
		if !found {
			all = slices.Insert(all, i, Batch{Rows: s.Rows})
		}
		all[i].Samples = slices.Concat(all[i].Samples, s.Samples)
	}
	for _, b := range all {
		slices.Sort(b.Samples)
	}
	return all
}
