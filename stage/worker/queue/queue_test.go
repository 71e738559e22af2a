package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

const ms = time.Millisecond

func open(t testing.TB, c queue.Config) *queue.Queue {
	t.Helper()
	q, err := queue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func add(t testing.TB, q *queue.Queue, now time.Duration, rows ...queue.Row) (tickets []queue.Ticket) {
	t.Helper()
	for _, r := range rows {
		ticket, err := q.Enqueue(now, r)
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	return tickets
}

// next is the rows that Next starts, as "slot:stage[ids]".
func next(q *queue.Queue, now time.Duration) string {
	b, ok := q.Next(now)
	if !ok {
		return "nothing"
	}
	return fmt.Sprintf("%d:%d%v", b.Slot, b.Stage, ids(b.Rows))
}

func ids(rows []queue.Row) (list []uint64) {
	for _, r := range rows {
		list = append(list, r.ID)
	}
	return list
}

func row(id uint64, stage, last int, deadline time.Duration) queue.Row {
	return queue.Row{ID: id, Stage: stage, Last: last, Deadline: deadline}
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestEarliestDeadlineFirst(t *testing.T) {
	q := open(t, queue.Config{Stages: 2, MaxBatch: 2})
	add(t, q, 0, row(1, 0, 1, 30*ms), row(2, 0, 1, 10*ms), row(3, 1, 1, 20*ms), row(4, 0, 1, 10*ms), row(5, 0, 1, queue.Never))
	for _, expect := range []string{"0:0[2 4]", "0:1[3]", "0:0[1 5]"} {
		b, _ := q.Next(0)
		want(t, "batch", fmt.Sprintf("%d:%d%v", b.Slot, b.Stage, ids(b.Rows)), expect)
		want(t, "no slot is free", next(q, 0), "nothing")
		if _, err := q.Done(0, 0, slices.Repeat([]bool{true}, len(b.Rows)), nil); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "after the last", fmt.Sprintf("%s %d", next(q, 0), q.Len()), "nothing 0")
}

// Rows that stay together go on in their slot before any other row, without those that have left, are cancelled,
// late or at their last stage here, and take no company.
func TestTogether(t *testing.T) {
	q := open(t, queue.Config{Stages: 3, MaxBatch: 5, Together: true})
	tickets := add(t, q, 0, row(1, 0, 2, 40*ms), row(2, 0, 2, 41*ms), row(3, 0, 0, 42*ms), row(4, 0, 2, 43*ms), row(5, 0, 2, 9*ms))
	want(t, "first", next(q, 0), "0:0[5 1 2 3 4]")
	add(t, q, ms, row(6, 1, 2, 12*ms))
	q.Cancel(tickets[0])
	back, err := q.Done(10*ms, 0, []bool{false, false, true, false, false}, nil)
	want(t, "go back, late and at the end", fmt.Sprint(ids(back), err), "[5 3] <nil>")
	if _, err := q.Done(10*ms, 0, []bool{true}, nil); err == nil {
		t.Error("what has not begun is done")
	}
	waiting, busy := q.Load()
	want(t, "waiting, busy", fmt.Sprint(waiting, busy, q.Len()), "1 1 2")
	want(t, "goes on alone", next(q, 10*ms), "0:1[4]")
	want(t, "no slot is free", next(q, 10*ms), "nothing")
	q.Done(11*ms, 0, []bool{false}, nil)
	want(t, "again", next(q, 11*ms), "0:2[4]")
	q.Done(12*ms, 0, []bool{true}, nil)
	want(t, "then the next", next(q, 12*ms), "0:1[6]")
}

// Rows that do not exit join those that wait for the next stage.
func TestRefill(t *testing.T) {
	q := open(t, queue.Config{Stages: 3, MaxBatch: 3})
	add(t, q, 0, row(1, 0, 2, 40*ms), row(2, 0, 2, 41*ms), row(3, 0, 1, 42*ms), row(4, 1, 2, 50*ms))
	want(t, "first", next(q, 0), "0:0[1 2 3]")
	back, err := q.Done(5*ms, 0, []bool{false, true, false}, nil)
	if err != nil || len(back) > 0 {
		t.Fatal(back, err)
	}
	want(t, "refilled", next(q, 5*ms), "0:1[1 3 4]")
	back, err = q.Done(9*ms, 0, []bool{false, false, true}, nil)
	want(t, "handed back at its last stage", fmt.Sprint(ids(back), err), "[3] <nil>")
	want(t, "the stage it has not run", back[0].Stage, 2)
	want(t, "the rest", next(q, 9*ms), "0:2[1]")
}

func TestLateRowsGoBack(t *testing.T) {
	q := open(t, queue.Config{Stages: 2, Need: []time.Duration{6 * ms, 4 * ms}})
	add(t, q, 0, row(1, 0, 1, 20*ms), row(2, 0, 1, 10*ms), row(3, 1, 1, 10*ms), row(4, 0, 1, queue.Never))
	want(t, "first", next(q, 0), "0:0[2]")
	want(t, "woken when row 3 has less than it needs", q.Wake(), 6*ms+1)
	want(t, "none is late yet", len(q.Late(6*ms, nil)), 0)
	want(t, "late in the queue", ids(q.Late(q.Wake(), nil)), "[3]")
	back, _ := q.Done(7*ms, 0, []bool{false}, nil)
	want(t, "late at a boundary", fmt.Sprint(ids(back), back[0].Stage), "[2] 1")
	want(t, "the one that has time", next(q, 7*ms), "0:0[1]")
	want(t, "and no other is late", fmt.Sprintf("%d %v", q.Wake(), ids(q.Late(time.Hour, nil))), fmt.Sprintf("%d []", queue.Never))
}

func TestWindow(t *testing.T) {
	q := open(t, queue.Config{Stages: 1, MaxBatch: 3, Window: 5 * ms, Slots: 2, Need: []time.Duration{2 * ms}})
	add(t, q, 1*ms, row(1, 0, 0, 100*ms))
	want(t, "waits for company", next(q, 1*ms), "nothing")
	want(t, "until the window ends", q.Wake(), 6*ms)
	add(t, q, 2*ms, row(2, 0, 0, 100*ms))
	want(t, "still", next(q, 5*ms), "nothing")
	want(t, "window over", next(q, 6*ms), "0:0[1 2]")
	add(t, q, 7*ms, row(3, 0, 0, 11*ms))
	want(t, "a tight deadline ends the window", fmt.Sprintf("%v %s", q.Wake(), next(q, 9*ms)), "9ms 1:0[3]")
	add(t, q, 10*ms, row(4, 0, 0, 100*ms), row(5, 0, 0, 100*ms), row(6, 0, 0, 100*ms))
	want(t, "no slot, no wake but for being late", q.Wake(), 98*ms+1)
	if _, err := q.Done(10*ms, 1, []bool{true}, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "a full batch does not wait", next(q, 10*ms), "1:0[4 5 6]")
}

func TestCancel(t *testing.T) {
	q := open(t, queue.Config{Stages: 2, MaxBatch: 2})
	tickets := add(t, q, 0, row(1, 0, 1, 1*ms), row(2, 0, 1, 2*ms), row(3, 0, 1, 3*ms))
	want(t, "waiting", fmt.Sprint(q.Cancel(tickets[0]), q.Cancel(tickets[0]), q.Len()), "true false 2")
	want(t, "not started", next(q, 0), "0:0[2 3]")
	want(t, "running", fmt.Sprint(q.Cancel(tickets[1]), q.Cancel(tickets[1]), q.Len()), "true false 2")
	back, err := q.Done(0, 0, []bool{false, false}, nil)
	want(t, "neither goes on nor back", fmt.Sprint(back, err, q.Len()), "[] <nil> 1")
	want(t, "gone", fmt.Sprint(q.Cancel(tickets[1]), q.Cancel(99)), "false false")
	again := add(t, q, 0, row(4, 0, 1, 1*ms))
	want(t, "an old ticket is not the new row's", fmt.Sprint(q.Cancel(tickets[1]), q.Cancel(again[0])), "false true")
}

func TestRefusals(t *testing.T) {
	q := open(t, queue.Config{Stages: 2, Limit: 1})
	for _, r := range []queue.Row{row(1, -1, 0, 0), row(1, 1, 0, 0), row(1, 0, 2, 0)} {
		if _, err := q.Enqueue(0, r); !errors.Is(err, queue.ErrRow) {
			t.Error(r, err)
		}
	}
	add(t, q, 0, row(1, 0, 1, queue.Never))
	if _, err := q.Enqueue(0, row(2, 0, 1, queue.Never)); !errors.Is(err, queue.ErrFull) {
		t.Error(err)
	}
	want(t, "in service counts", next(q, 0), "0:0[1]")
	if _, err := q.Enqueue(0, row(2, 0, 1, queue.Never)); !errors.Is(err, queue.ErrFull) {
		t.Error(err)
	}
	for _, slot := range []int{-1, 1} {
		if _, err := q.Done(0, slot, []bool{true}, nil); err == nil {
			t.Error("slot", slot)
		}
	}
	if _, err := q.Done(0, 0, nil, nil); err == nil {
		t.Error("no exits for a row")
	}
	q.Drain()
	if _, err := q.Done(0, 0, []bool{false}, nil); err != nil {
		t.Error(err)
	}
	if _, err := q.Done(0, 0, []bool{false}, nil); err == nil {
		t.Error("done twice")
	}
	want(t, "a drained worker serves on", next(q, 0), "0:1[1]")
	if _, err := q.Enqueue(0, row(2, 0, 1, queue.Never)); !errors.Is(err, queue.ErrDraining) {
		t.Error(err)
	}
	for _, c := range []queue.Config{{}, {Stages: 1, Slots: -1}, {Stages: 2, Need: []time.Duration{1}}, {Stages: 1, Need: []time.Duration{-1}}} {
		if _, err := queue.New(c); err == nil {
			t.Errorf("%+v has been accepted", c)
		}
	}
}

func ExampleQueue() {
	// Two slots would do with more rows; here one slot and batches of up to two.
	q, err := queue.New(queue.Config{Stages: 2, MaxBatch: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for id := range uint64(3) {
		if _, err := q.Enqueue(0, queue.Row{ID: id, Last: 1, Deadline: time.Second}); err != nil {
			fmt.Println(err)
		}
	}
	now := time.Duration(0)
	for {
		b, ok := q.Next(now)
		if !ok {
			break
		}
		now += 10 * time.Millisecond // the driver runs the batch; every other row exits
		exited := make([]bool, len(b.Rows))
		for i, r := range b.Rows {
			exited[i] = b.Stage == 1 || r.ID%2 == 0
		}
		fmt.Printf("stage %d: rows %v exit %v\n", b.Stage, ids(b.Rows), exited)
		if _, err := q.Done(now, b.Slot, exited, nil); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// stage 0: rows [0 1] exit [true false]
	// stage 0: rows [2] exit [true]
	// stage 1: rows [1] exit [true]
}
