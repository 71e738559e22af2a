package queue

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Config is a worker's. The zero value of a field but Stages is its default.
type Config struct {
	Stages   int // of the model, at least 1
	Slots    int // batches in service at once; default 1
	MaxBatch int // rows in a batch; default 1
	// Window is the longest that a row waits for company while a slot is free. Where the
	// Curve is known a row waits as long as that pays, and Window only limits it; default the
	// time of a full batch. Elsewhere every row waits so long; default 0.
	Window time.Duration
	Limit  int // rows at the worker, waiting and in service; default no limit
	// Together has the rows of a batch that go on do so in their slot at once, without company: what is lost
	// by it is what refilling batches at each stage is worth. It is for comparisons.
	Together bool
	// Need[s] is the time that a row must have left when stage s starts, for it to be
	// worth running here; with less it goes back. Default 0: once its deadline is past.
	Need []time.Duration
	// Least[s] is the time that it must have left to be in time elsewhere on average; with less
	// it stays. Default 0.
	Least []time.Duration
	// Rest[s] is the time that a row which begins stage s seldom exceeds until it leaves. A row
	// that has less left than it needs stays all the same if it would be in time as the next to
	// be served. Default 0: then neither this nor Least has a row stay.
	Rest []time.Duration
	// Curve[s][n-1] is the time that a batch of n rows is expected to take at stage s. The
	// stage then runs batches of at most Worth(Curve[s]) rows, and as large as pays. Default,
	// for all stages or one, is that nothing is known, and batches are as large as can be.
	Curve [][]time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Stages < 1 || c.Slots < 0 || c.MaxBatch < 0 || c.Window < 0 || c.Limit < 0 {
		return c, fmt.Errorf("queue: %+v: give at least 1 stage and nothing negative", c)
	}
	for _, times := range []*[]time.Duration{&c.Need, &c.Least, &c.Rest} {
		if n := len(*times); n != 0 && n != c.Stages || n != 0 && slices.Min(*times) < 0 {
			return c, fmt.Errorf("queue: %v for %d stages: give a time for each, and none negative", *times, c.Stages)
		}
		*times = append(slices.Clone(*times), make([]time.Duration, c.Stages-len(*times))...)
	}
	if n := len(c.Curve); n != 0 && n != c.Stages {
		return c, fmt.Errorf("queue: Curve has %d entries for %d stages: give one for each", n, c.Stages)
	}
	for s, curve := range c.Curve {
		if len(curve) > 0 && (slices.Min(curve) <= 0 || slices.Max(curve) > Never/2) {
			return c, fmt.Errorf("queue: a batch of stage %d takes %v to %v: give more than no time, and at most %v", s+1, slices.Min(curve), slices.Max(curve), Never/2)
		}
	}
	c.Curve = append(slices.Clone(c.Curve), make([][]time.Duration, c.Stages-len(c.Curve))...)
	c.Slots, c.MaxBatch = max(c.Slots, 1), max(c.MaxBatch, 1)
	if c.Limit == 0 {
		c.Limit = math.MaxInt
	}
	return c, nil
}
