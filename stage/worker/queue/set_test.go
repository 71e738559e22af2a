package queue_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// A queue that is set for other stages keeps its rows, and what is in service goes on; batches, and who goes
// back, are by the new settings from then on.
func TestSet(t *testing.T) {
	q := open(t, queue.Config{Stages: 3, MaxBatch: 1, Need: []time.Duration{10 * ms, 0, 0}})
	add(t, q, 0, row(1, 0, 1, 100*ms), row(2, 0, 1, 50*ms), row(3, 0, 1, 200*ms), row(4, 0, 1, 200*ms))
	want(t, "by the first settings", next(q, 0), "0:0[2]")
	if err := q.Set(queue.Config{Stages: 3, MaxBatch: 2, Need: []time.Duration{60 * ms, 0, 0}}); err != nil {
		t.Fatal(err)
	}
	want(t, "now late", ids(q.Late(45*ms, nil)), "[1]")
	back, err := q.Done(50*ms, 0, []bool{false}, nil)
	want(t, "in service when it was set", []any{len(back), err, q.Len()}, []any{0, nil, 3})
	want(t, "it goes on to its next stage", next(q, 50*ms), "0:1[2]")
	if back, err = q.Done(60*ms, 0, []bool{false}, nil); err != nil || len(back) != 1 || back[0].Stage != 2 {
		t.Errorf("the row's own last stage ends it: %v, %v", back, err)
	}
	want(t, "two at once", next(q, 60*ms), "0:0[3 4]")

	for name, c := range map[string]queue.Config{
		"other slots": {Stages: 3, Slots: 2}, "another model": {Stages: 2}, "nothing that can be": {Stages: 3, MaxBatch: -1},
	} {
		if q.Set(c) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := q.Done(70*ms, 0, []bool{true, true}, nil); err != nil {
		t.Fatal(err)
	}
	add(t, q, 70*ms, row(5, 0, 0, 300*ms), row(6, 0, 0, 300*ms))
	want(t, "what was refused has changed nothing", next(q, 70*ms), "0:0[5 6]")
}

// Rows that stay are in others' way for as long as their stage takes by what is known now.
func TestSetWhileRowsStay(t *testing.T) {
	c := queue.Config{Stages: 1, Need: []time.Duration{20 * ms}, Rest: []time.Duration{6 * ms}, Curve: [][]time.Duration{{5 * ms}}}
	goesBack := func(set bool) bool {
		q := open(t, c)
		add(t, q, 0, row(1, 0, 0, time.Hour), row(2, 0, 0, 15*ms))
		want(t, "in service", next(q, 0), "0:0[2]")
		add(t, q, 0, row(3, 0, 0, 15*ms)) // it stays: 5 until the slot is free, and 6
		want(t, "stays", len(q.Late(0, nil)), 0)
		if set {
			slower := c
			slower.Curve = [][]time.Duration{{12 * ms}}
			if err := q.Set(slower); err != nil {
				t.Fatal(err)
			}
		}
		add(t, q, 0, row(4, 0, 0, 19*ms)) // 5, 5 and 6, or 12, 12 and 6
		return len(q.Late(0, nil)) == 1
	}
	want(t, "as it was", goesBack(false), false)
	want(t, "with stages that take longer", goesBack(true), true)
}

// What is learnt of how often rows come is kept where a stage takes as long as before: a row waits for company
// that is expected soon.
func TestSetKeepsWhatIsLearnt(t *testing.T) {
	config := func(full time.Duration) queue.Config {
		return queue.Config{Stages: 1, MaxBatch: 2, Curve: [][]time.Duration{{10 * ms, full}}}
	}
	starts := func(to *queue.Config) string {
		q := open(t, config(11*ms))
		add(t, q, 0, row(1, 0, 0, queue.Never))
		want(t, "in service", next(q, 0), "0:0[1]")
		for i := 1; i <= 200; i++ { // they find no slot free, and do not stay
			q.Cancel(add(t, q, time.Duration(i)*ms, row(2, 0, 0, queue.Never))[0])
		}
		if _, err := q.Done(200*ms, 0, []bool{true}, nil); err != nil {
			t.Fatal(err)
		}
		if to != nil {
			if err := q.Set(*to); err != nil {
				t.Fatal(err)
			}
		}
		add(t, q, 201*ms, row(3, 0, 0, queue.Never))
		return next(q, 201*ms)
	}
	same, other := config(11*ms), config(12*ms)
	want(t, "as it was", starts(nil), "nothing")
	want(t, "set to the same", starts(&same), "nothing")
	want(t, "set to another time", starts(&other), "0:0[3]")
}
