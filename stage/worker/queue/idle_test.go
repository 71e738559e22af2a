package queue_test

import (
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// run is the IDs of the batch that a queue starts next.
func run(t *testing.T, q *queue.Queue, now time.Duration) (b queue.Batch, ids []uint64) {
	t.Helper()
	b, ok := q.Next(now)
	if !ok {
		return b, nil
	}
	for _, r := range b.Rows {
		ids = append(ids, r.ID)
	}
	return b, ids
}

// Idle rows run when no others are due, whatever came first, how deep they are and whether the
// others have deadlines, and never in one batch with them.
func TestIdleRowsComeLast(t *testing.T) {
	q, err := queue.New(queue.Config{Stages: 3, MaxBatch: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []queue.Row{
		{ID: 1, Stage: 0, Last: 2, Deadline: 5, Idle: true}, // a deadline that does not count
		{ID: 2, Stage: 2, Last: 2, Deadline: queue.Never, Idle: true},
		{ID: 3, Stage: 0, Last: 0, Deadline: queue.Never},
		{ID: 4, Stage: 0, Last: 0, Deadline: 1000},
		{ID: 5, Stage: 0, Last: 2, Deadline: queue.Never, Idle: true},
		{ID: 6, Stage: 1, Last: 1, Deadline: queue.Never},
	} {
		if _, err := q.Enqueue(0, r); err != nil {
			t.Fatal(err)
		}
	}
	if late := q.Late(10, nil); len(late) > 0 {
		t.Errorf("%+v went back", late)
	}
	for _, want := range [][]uint64{{4, 3}, {6}, {2}, {1, 5}} {
		b, ids := run(t, q, 10)
		if !slices.Equal(ids, want) {
			t.Fatalf("%v ran, want %v", ids, want)
		}
		if _, err := q.Done(10, b.Slot, slices.Repeat([]bool{true}, len(ids)), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// An idle row on its way lets a row pass that comes meanwhile.
func TestIdleRowsLetOthersPass(t *testing.T) {
	q, err := queue.New(queue.Config{Stages: 2})
	if err != nil {
		t.Fatal(err)
	}
	enqueue := func(r queue.Row) {
		if _, err := q.Enqueue(0, r); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(queue.Row{ID: 1, Last: 1, Idle: true})
	b, ids := run(t, q, 0)
	if !slices.Equal(ids, []uint64{1}) {
		t.Fatal(ids)
	}
	enqueue(queue.Row{ID: 2, Last: 1, Deadline: queue.Never})
	for _, want := range []uint64{2, 2, 1} {
		if _, err := q.Done(0, b.Slot, []bool{false}, nil); err != nil {
			t.Fatal(err)
		}
		if b, ids = run(t, q, 0); !slices.Equal(ids, []uint64{want}) {
			t.Fatalf("%v ran, want %d", ids, want)
		}
	}
}
