package simulate

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Progress is how far RunAll is.
type Progress struct {
	Done, Runs int           // runs that have ended, of all
	Part       float64       // of the work, from 0 to 1, as far as the runs' Until tells
	Elapsed    time.Duration // in reality
	Left       time.Duration // an estimate; 0 if there is nothing to tell it from
}

// RunAll runs scenarios, such as one with several seeds or in several worlds, as many
// at a time as there are cores. Results are in the order of the scenarios, and are those
// that Run would give. Progress, if it is not nil, is called now and then, by one
// goroutine at a time. The first error ends all runs.
func RunAll(ctx context.Context, scenarios []Scenario, progress func(Progress)) ([]Result, error) {
	results := make([]Result, len(scenarios))
	w := watch{parts: make([]float64, len(scenarios)), begun: time.Now(), progress: progress}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range scenarios {
		group.Go(func() (err error) {
			if tell := s.Progress; progress != nil {
				s.Progress = func(now time.Duration) {
					w.reached(i, now, s.Until)
					if tell != nil {
						tell(now)
					}
				}
			}
			if results[i], err = Run(ctx, s); err != nil {
				return fmt.Errorf("run %d of %d, seed %d: %w", i+1, len(scenarios), s.Seed, err)
			}
			w.ended(i)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return results, nil
}

// watch follows the runs of RunAll.
type watch struct {
	mu       sync.Mutex
	parts    []float64
	done     int
	begun    time.Time
	progress func(Progress)
}

// reached takes in the time that a run has come to.
func (w *watch) reached(i int, now, until time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until > 0 {
		w.parts[i] = min(float64(now)/float64(until), 1)
	}
	w.tell()
}

func (w *watch) ended(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[i] = 1
	w.done++
	w.tell()
}

func (w *watch) tell() {
	if w.progress == nil {
		return
	}
	p := Progress{Done: w.done, Runs: len(w.parts), Elapsed: time.Since(w.begun)}
	for _, part := range w.parts {
		p.Part += part / float64(len(w.parts))
	}
	if p.Part > 0 {
		p.Left = time.Duration(float64(p.Elapsed) * (1 - p.Part) / p.Part)
	}
	w.progress(p)
}
