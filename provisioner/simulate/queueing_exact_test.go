//go:build !race

package simulate_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Given when requests come and how long each takes, waits are no matter of chance:
// a request starts when the first slot is free (Kiefer and Wolfowitz 1955; for one slot
// Lindley 1952). Here every single wait is as the recursion says, to the nanosecond.
func TestQueueingEachWait(t *testing.T) {
	for _, load := range []float64{0.5, 0.95} {
		for _, q := range queueings(load) {
			arrivals, draws, got := q.record(t, 30_000)
			slots := make([]time.Duration, q.slots) // when each is free
			for i, arrived := range arrivals {
				free := slices.Index(slots, slices.Min(slots))
				start := max(arrived, slots[free])
				slots[free] = start + draws[i]
				if want := (simulate.Outcome{Arrived: arrived, Waited: start - arrived, Worked: draws[i], Ended: slots[free]}); got[i] != want {
					t.Fatalf("%s at load %v: request %d is %+v, want %+v", q.name, load, i, got[i], want)
				}
			}
		}
	}
}

// record runs n requests, and returns when they came, how long they took in the order
// in which they started, and what became of them in the order in which they came.
func (q queueing) record(t *testing.T, n int) (arrivals, draws []time.Duration, ends []simulate.Outcome) {
	t.Helper()
	s := q.scenario(t, n)
	s.Seed = 1
	draw := &drawn{Times: s.Times["vm"]}
	s.Times["vm"] = draw
	open := s.Traffic
	s.Traffic = func(r *rand.Rand) (traffic.Source, error) {
		source, err := open(r)
		return &heard{source, &arrivals}, err
	}
	s.Observe = func(o simulate.Outcome) { ends = append(ends, o) }
	if _, err := simulate.Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if len(arrivals) != n || len(draw.all) != n || len(ends) != n {
		t.Fatalf("%d arrivals, %d services, %d ends, want %d", len(arrivals), len(draw.all), len(ends), n)
	}
	slices.SortStableFunc(ends, func(a, b simulate.Outcome) int { return int(a.Arrived - b.Arrived) })
	return arrivals, draw.all, ends
}

// drawn remembers what has been drawn.
type drawn struct {
	profile.Times
	all []time.Duration
}

func (d *drawn) Draw(stage, rows int, r *rand.Rand) time.Duration {
	x := d.Times.Draw(stage, rows, r)
	d.all = append(d.all, x)
	return x
}

// heard remembers what has come.
type heard struct {
	traffic.Source
	all *[]time.Duration
}

func (h *heard) Next() (time.Duration, error) {
	at, err := h.Source.Next()
	if err == nil {
		*h.all = append(*h.all, at)
	}
	return at, err
}
