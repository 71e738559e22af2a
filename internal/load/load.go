// Package load sends requests as traffic comes, whether those before have been answered or
// not, and lets a simulation repeat what was sent.
package load

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Arrivals draws when requests come, since the start of the load.
func Arrivals(rate traffic.Rate, length time.Duration, seed uint64) (at []time.Duration, err error) {
	source, err := traffic.Varying(rate, length, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		return nil, err
	}
	for {
		t, err := source.Next()
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return nil, err
		}
		at = append(at, t)
	}
}

// Play calls do for each arrival when it is due, on a goroutine of its own, and before that
// due with its number and the time since the start. It returns when all calls have, with the
// context's error if that ended first.
func Play(ctx context.Context, arrivals []time.Duration, due func(i int, now time.Duration), do func(i int)) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	begun := time.Now()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for i, at := range arrivals {
		if wait := at - time.Since(begun); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if due != nil {
			due(i, time.Since(begun))
		}
		wg.Go(func() { do(i) })
	}
	return ctx.Err()
}

// Replay is a source of traffic whose requests come at these times.
func Replay(arrivals []time.Duration) traffic.Source { return &replay{arrivals} }

type replay struct{ left []time.Duration }

func (r *replay) Next() (time.Duration, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	at := r.left[0]
	r.left = r.left[1:]
	return at, nil
}

// Depths has requests leave at these stages, in order; one of -1, which had no answer, at
// the last.
type Depths struct {
	Exits  []int
	Stages int
}

// Next implements depth.Source.
func (d *Depths) Next(time.Duration) int {
	if len(d.Exits) == 0 {
		return d.Stages - 1
	}
	k := d.Exits[0]
	d.Exits = d.Exits[1:]
	if k < 0 {
		return d.Stages - 1
	}
	return k
}
