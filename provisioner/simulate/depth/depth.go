// Package depth says how deep into a model the requests of a simulation go. It has two
// halves. Ranks say how hard the requests are, one against the other, and in which
// order the hard ones come; Reach says which share of requests gets as far as each
// stage, and how that share drifts. Any ranks go with any reach.
//
// For ranks, take
//   - Persistent if no order of traffic is known, as with validation rows, which lie in
//     random order: exit depth comes in runs, and this makes them;
//   - Recorded.Blocks if exits were recorded in the order in which requests came;
//   - Uniform for no runs at all: what a formula assumes, and a case too kind to a fleet.
//
// Nothing here is safe for concurrent use: each run of a simulation has its own.
package depth

import (
	"errors"
	"math/rand/v2"
	"time"
)

// ErrDepth marks a reach, a recording or a setting that cannot be right.
var ErrDepth = errors.New("bad depths")

// Source says at which stage, from 0, each request would leave, in the order in which
// requests come. Now is the time since the start of the run, and never goes back.
type Source interface {
	Next(now time.Duration) int
}

// New has requests with these ranks leave where this reach has them leave: a request of
// rank u goes past stage s if u < reach[s+1], so the lower its rank, the deeper it goes.
func New(ranks Ranks, reach Reach) Source { return &source{ranks, reach} }

// Independent has each request leave at random, whatever the one before it did. See
// Fixed for reach, and for its error.
func Independent(reach []float64, r *rand.Rand) (Source, error) {
	fixed, err := Fixed(reach)
	if err != nil {
		return nil, err
	}
	return New(Uniform(r), fixed), nil
}

type source struct {
	ranks Ranks
	reach Reach
}

func (s *source) Next(now time.Duration) int {
	reach, rank := s.reach(now), s.ranks()
	stage := 0
	for stage+1 < len(reach) && rank < reach[stage+1] {
		stage++
	}
	return stage
}
