package serflow_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/serflow"
)

// slowest is how long the slowest takes of so many requests at one time.
func slowest(t *testing.T, p *serflow.Pipeline, requests int) time.Duration {
	t.Helper()
	begun := time.Now()
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			if _, err := p.Infer(context.Background(), sampleOf(0)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

// A burst finds the instances that one before it needed, half an hour later, and in the next program, which knows of it
// from what was saved. Functions that nobody calls are left alone after some hours.
func TestFunctionsAreKeptWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cold, work, ago = time.Second, 100 * time.Millisecond, 29*time.Minute + 30*time.Second
		s := newSkies(t, rentedModel, &mock.Config{Cold: mock.Spread{Median: cold}, KeepAlive: 5 * time.Minute})
		s.functions.times = func(int) time.Duration { return work }
		plan := vmsAndFunctions(1)
		plan.Functions[0].Cold = cold
		s.onVM = func(context.Context, string) error { return context.DeadlineExceeded } // functions serve
		file := serflow.State(serflow.File(filepath.Join(t.TempDir(), "state.json")))
		p := s.open(t, serflow.Plan(plan), file)
		if took := slowest(t, p, 20); took < cold {
			t.Errorf("the first burst took %v: it met no cold start, so nothing follows from the next", took)
		}
		time.Sleep(ago)
		if took := slowest(t, p, 20); took > cold {
			t.Errorf("half an hour later a burst took %v: a cold start", took)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}

		p = s.open(t, serflow.Plan(plan), file)
		if took := slowest(t, p, 20); took > cold {
			t.Errorf("the first burst of the next program took %v: a cold start", took)
		}
		time.Sleep(24 * time.Hour)
		before := s.Account()
		time.Sleep(time.Hour)
		if after := s.Account(); after.Calls > before.Calls {
			t.Errorf("%d calls a day after the last request", after.Calls-before.Calls)
		}
		s.closed(t, p)
	})
}
