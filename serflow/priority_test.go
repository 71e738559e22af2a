package serflow_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
)

// Requests that would be late are shed at once, with an error that says so; those that may be
// shed first are shed first, and critical ones last.
func TestPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{})
		s.onVM = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(100 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		times, err := profile.Deterministic([]time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		plan := vmsAndFunctions(1)
		plan.Functions, plan.VMs[0].Slots = nil, 1
		plan.Reach = []float64{1, 0, 0} // a request takes 100 ms
		p := s.open(t, serflow.Plan(plan), serflow.Times(vmOffer.Name, times), serflow.SLO(1050*time.Millisecond))
		defer s.closed(t, p)

		var answers sync.WaitGroup
		accepted := func(priority serflow.Priority, requests int) int {
			var shed atomic.Int32
			for range requests {
				answers.Go(func() {
					_, err := p.Infer(serflow.WithPriority(t.Context(), priority), sampleOf(0))
					var e *serflow.Error
					switch {
					case err == nil:
					case errors.Is(err, serflow.ErrShed) && errors.As(err, &e) && e.Remedy != "" && e.Provider != "" && e.Group != "":
						shed.Add(1)
					default:
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			return requests - int(shed.Load())
		}
		// The sixth would wait half a second, and the twenty-first two.
		if n := accepted(serflow.Sheddable, 12); n < 4 || n > 6 {
			t.Errorf("%d sheddable requests are taken, want 5", n)
		}
		if n := accepted(serflow.Normal, 24); n < 14 || n > 16 {
			t.Errorf("%d normal ones are taken beside them, want 15", n)
		}
		if n := accepted(serflow.Critical, 3); n != 3 {
			t.Errorf("%d of 3 critical ones are taken", n)
		}
		answers.Wait()
	})
}
