package profile

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// gainRows is the batch size at which BatchGain takes the gain.
const gainRows = 16

// BatchGain has batches take less than their rows one by one: gain is the throughput in
// batches of 16 over that of single rows, above 0 and at most 16; below 1 batches lose. The time of a
// single row is that of t, whose own larger batches are not looked at, and
//
//	time(rows) = time(1) * rows / gain(rows), where gain(rows) = rows / (f + (1-f)*rows)
//
// and f = 16/15 * (1 - 1/gain), so that gain(16) = gain. It means that a share f of a single
// row's time is spent once a batch and the rest once a row. The error wraps ErrProfile.
func BatchGain(t Times, gain float64) (Times, error) {
	if !(gain > 0 && gain <= gainRows) {
		return nil, fmt.Errorf("%w: a gain of %v in batches of %d: give one above 0 and at most %d", ErrProfile, gain, gainRows, gainRows)
	}
	return &gained{t, gainRows * (1 - 1/gain) / (gainRows - 1)}, nil
}

type gained struct {
	Times
	once float64 // share of a single row's time that a batch spends once
}

func (g *gained) Draw(stage, rows int, r *rand.Rand) time.Duration {
	return g.times(g.Times.Draw(stage, 1, r), rows)
}

func (g *gained) Mean(stage, rows int) time.Duration { return g.times(g.Times.Mean(stage, 1), rows) }

func (g *gained) Quantile(stage, rows int, q float64) time.Duration {
	return g.times(g.Times.Quantile(stage, 1, q), rows)
}

func (g *gained) times(single time.Duration, rows int) time.Duration {
	return duration(float64(single) * (g.once + (1-g.once)*float64(max(rows, 1))))
}
