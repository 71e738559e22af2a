package profile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// longest is the most that a measured batch may take. More is a mistake in the unit;
// and up to it, arithmetic on nanoseconds in float64 is exact.
const longest = 24 * time.Hour

// Batch is what was measured of one batch size: how long each batch took in its slot,
// from the shortest to the longest. Measure with all slots busy: slots that share a
// processor slow each other down.
type Batch struct {
	Rows    int             `json:"rows"`
	Samples []time.Duration `json:"nanoseconds"`
}

// Profile is what was measured of a model on one offer, for each stage and some batch
// sizes. It implements Times with the distribution that was measured:
//
//   - Quantile(q) is linear between the n samples in order, of which sample i, from 0,
//     is at q = (i+1/2)/n (Hazen's rule), and it is flat beyond the first and the last. So the
//     mean is the samples' own, and the tail is not cut: the longest one is drawn, half as often
//     as it was seen, and what lies between it and the next the other half.
//   - Between two measured sizes every quantile is interpolated linearly.
//   - Beyond the largest size its times are all scaled, so that their mean follows the line
//     through the means of the two largest sizes, or stays if that line falls. If only single
//     rows were measured, the line is proportional to rows: batches gain nothing.
type Profile struct {
	model, offer string
	stages       [][]size
}

// size is a batch size that was measured.
type size struct {
	Batch
	mean float64 // nanoseconds
}

// New makes a profile of what was measured of the model with this fingerprint, on the
// offer of this name. Stages has the batch sizes of each stage, from 1 row upwards. It
// is kept and must not be changed. The error wraps ErrProfile.
func New(model, offer string, stages [][]Batch) (*Profile, error) {
	switch {
	case model == "":
		return nil, fmt.Errorf("%w: no model: give its fingerprint", ErrProfile)
	case offer == "":
		return nil, fmt.Errorf("%w: no offer: name what it was measured on", ErrProfile)
	case len(stages) == 0:
		return nil, fmt.Errorf("%w: no stages: measure at least one", ErrProfile)
	}
	p := &Profile{model: model, offer: offer, stages: make([][]size, len(stages))}
	for s, batches := range stages {
		if err := check(batches); err != nil {
			return nil, fmt.Errorf("%w: stage %d: %w", ErrProfile, s+1, err)
		}
		for _, b := range batches {
			p.stages[s] = append(p.stages[s], size{b, b.average()})
		}
	}
	return p, nil
}

// check checks one stage's.
func check(batches []Batch) error {
	if len(batches) == 0 || batches[0].Rows != 1 {
		return errors.New("it does not begin with batches of 1 row: measure them too, and put them first")
	}
	for i, b := range batches {
		if i > 0 && b.Rows <= batches[i-1].Rows {
			return fmt.Errorf("batches of %d rows after those of %d: give each size once, the smallest first", b.Rows, batches[i-1].Rows)
		}
		if err := b.check(); err != nil {
			return fmt.Errorf("batches of %d rows: %w", b.Rows, err)
		}
	}
	return nil
}

func (b Batch) check() error {
	switch n := len(b.Samples); {
	case n == 0:
		return errors.New("no samples: measure at least one batch")
	case !slices.IsSorted(b.Samples):
		return errors.New("the samples are not sorted: put the shortest first")
	case b.Samples[0] <= 0:
		return fmt.Errorf("a sample of %v: a batch takes at least 1 ns", b.Samples[0])
	case b.Samples[n-1] > longest:
		return fmt.Errorf("a sample of %v: give nanoseconds, at most %v", b.Samples[n-1], longest)
	}
	return nil
}

func (b Batch) average() float64 {
	sum := 0.0
	for _, x := range b.Samples {
		sum += float64(x)
	}
	return sum / float64(len(b.Samples))
}

// Model is the fingerprint of the model that was measured.
func (p *Profile) Model() string { return p.model }

// Offer is the name of what it was measured on.
func (p *Profile) Offer() string { return p.offer }

// Stages is how many stages the model has.
func (p *Profile) Stages() int { return len(p.stages) }

// Draw is a random time.
func (p *Profile) Draw(stage, rows int, r *rand.Rand) time.Duration {
	return p.Quantile(stage, rows, r.Float64())
}
