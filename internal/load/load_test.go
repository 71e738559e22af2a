package load_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Requests come when they are due, also while those before are under way.
func TestPlayIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrivals := []time.Duration{0, time.Second, 1500 * time.Millisecond}
		begun := time.Now()
		var mu sync.Mutex
		began := make([]time.Duration, 3)
		err := load.Play(t.Context(), arrivals, nil, func(i int) {
			mu.Lock()
			began[i] = time.Since(begun)
			mu.Unlock()
			time.Sleep(time.Minute)
		})
		if err != nil || !slices.Equal(began, arrivals) {
			t.Errorf("began at %v, want %v; %v", began, arrivals, err)
		}
		if all := time.Since(begun); all != time.Minute+arrivals[2] {
			t.Errorf("it returned after %v, before or long after the last call", all)
		}
	})
}

func TestPlayEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := 0
		err := load.Play(ctx, []time.Duration{0, time.Hour}, func(i int, _ time.Duration) {
			go func() {
				time.Sleep(time.Second)
				cancel(why)
			}()
		}, func(int) { calls++ })
		if !errors.Is(err, why) || calls != 1 {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
}

func TestSameSeedSameArrivals(t *testing.T) {
	draw := func(seed uint64) []time.Duration {
		at, err := load.Arrivals(traffic.Ramp(100, 200, 0, time.Second), 10*time.Second, seed)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	one, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Error("a seed does not decide")
	}
	if n := len(one); n < 1700 || n > 2200 || !slices.IsSorted(one) {
		t.Errorf("%d arrivals, want about 1,950 in order", n)
	}
	replay := load.Replay(one)
	for _, want := range one {
		if at, err := replay.Next(); at != want || err != nil {
			t.Fatalf("%v, %v, want %v", at, err, want)
		}
	}
	if _, err := replay.Next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestDepths(t *testing.T) {
	d := &load.Depths{Exits: []int{1, -1, 0}, Stages: 3}
	for _, want := range []int{1, 2, 0, 2} {
		if got := d.Next(0); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}
