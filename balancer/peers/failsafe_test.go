package peers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
)

// hedged takes members in turn. Each has a bulkhead, which limits what it has in hand,
// and a request that takes longer than the hedge delay is sent to the next one as well.
type hedged struct {
	roundRobin
	executor  failsafe.Executor[int]
	bulkheads []bulkhead.Bulkhead[int]
}

const hedgeDelay = time.Second // never reached while measured

func newHedged(members int) *hedged {
	h := &hedged{executor: failsafe.With(hedgepolicy.NewWithDelay[int](hedgeDelay))}
	h.members = newRoundRobin(members).members
	for range members {
		h.bulkheads = append(h.bulkheads, bulkhead.New[int](inHand))
	}
	return h
}

// do returns the member whose work ended first. The bulkhead is used by its permits,
// since as a policy of the executor it would be one for all members; that is also the
// cheaper way.
func (h *hedged) do(work func(ctx context.Context, member int) error) (int, error) {
	return h.executor.GetWithExecution(func(e failsafe.Execution[int]) (int, error) {
		m := h.pick()
		if !h.bulkheads[m].TryAcquirePermit() {
			return m, bulkhead.ErrFull
		}
		defer h.bulkheads[m].ReleasePermit()
		return m, work(e.Context(), m)
	})
}

// failsafeHedged has in it a goroutine, a context and a timer for each request: that is
// how failsafe-go hedges.
func failsafeHedged(_ testing.TB, members int) func(int) bool {
	h := newHedged(members)
	nothing := func(context.Context, int) error { return nil }
	return func(int) bool {
		_, err := h.do(nothing)
		return err == nil
	}
}

func TestFailsafeHedgesAtAnotherMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHedged(3)
		slow := h.members[1] // the first in turn
		start := time.Now()
		m, err := h.do(func(ctx context.Context, member int) error {
			if member == slow {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		if m == slow || err != nil {
			t.Errorf("answered by member %d: %v", m, err)
		}
		if after := time.Since(start); after != hedgeDelay { // of the bubble's clock
			t.Errorf("answered after %v, want the hedge delay %v", after, hedgeDelay)
		}
		synctest.Wait()
		for range inHand {
			if !h.bulkheads[slow].TryAcquirePermit() {
				t.Error("the slow member's permit is not back")
			}
		}
	})
}

func TestFailsafeRefusesBeyondTheBulkhead(t *testing.T) {
	h := newHedged(1)
	for range inHand {
		if !h.bulkheads[0].TryAcquirePermit() {
			t.Fatal("full too early")
		}
	}
	if _, err := h.do(func(context.Context, int) error { return nil }); !errors.Is(err, bulkhead.ErrFull) {
		t.Errorf("got %v, want %v", err, bulkhead.ErrFull)
	}
	h.bulkheads[0].ReleasePermit()
	if _, err := h.do(func(context.Context, int) error { return nil }); err != nil {
		t.Error(err)
	}
}
