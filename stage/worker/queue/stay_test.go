package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// A row that has less left than it needs goes back while that is of use: not if it would be
// in time here, nor if it is too late elsewhere as well.
func TestStays(t *testing.T) {
	const ms = time.Millisecond
	config := queue.Config{
		Stages: 1, Need: []time.Duration{20 * ms}, Least: []time.Duration{12 * ms}, Rest: []time.Duration{6 * ms},
		Curve: [][]time.Duration{{5 * ms}},
	}
	for name, c := range map[string]struct {
		left    time.Duration // of the second row, while the first is in service
		running time.Duration // how long that has been
		keep    bool
		change  func(*queue.Config)
		back    bool
	}{
		"enough time":                     {left: 20 * ms},
		"less, but it is in time here":    {left: 19 * ms},
		"just":                            {left: 11 * ms},
		"less than what is left here":     {left: 13 * ms, change: func(c *queue.Config) { c.Rest[0] = 9 * ms }, back: true},
		"the first is nearly done":        {left: 13 * ms, running: 4 * ms, change: func(c *queue.Config) { c.Rest[0] = 9 * ms }},
		"too late elsewhere too":          {left: 10 * ms, change: func(c *queue.Config) { c.Rest[0] = 9 * ms }},
		"too late here too":               {left: 4 * ms, back: true},
		"nothing else would be in time":   {left: 13 * ms, keep: true, change: func(c *queue.Config) { c.Rest[0] = 9 * ms }},
		"nor this":                        {left: 4 * ms, keep: true, back: true},
		"nothing is known of what it may": {left: 19 * ms, change: func(c *queue.Config) { c.Rest = nil }, back: true},
	} {
		config := config
		config.Rest = slices.Clone(config.Rest)
		if c.change != nil {
			c.change(&config)
		}
		q, err := queue.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range []queue.Row{{Deadline: time.Hour}, {Deadline: c.running + c.left, Keep: c.keep}} {
			r.ID = uint64(i)
			if _, err := q.Enqueue(0, r); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if _, ok := q.Next(0); !ok {
					t.Fatal("the first does not start")
				}
			}
		}
		if back := q.Late(c.running, nil); (len(back) == 1) != c.back {
			t.Errorf("%s: %d rows go back", name, len(back))
		}
		if wake := q.Wake(); wake <= c.running {
			t.Errorf("%s: to be woken at %v, at %v: it would be for ever", name, wake, c.running)
		}
	}
}

// Those that stay before it are in a row's way: it goes back while it is early enough for others.
func TestStaysBeforeOthers(t *testing.T) {
	const ms = time.Millisecond
	q, err := queue.New(queue.Config{
		Stages: 1, Need: []time.Duration{20 * ms}, Rest: []time.Duration{6 * ms}, Curve: [][]time.Duration{{5 * ms}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		if _, err := q.Enqueue(0, queue.Row{ID: uint64(i), Deadline: 25*ms + time.Duration(i)*ms}); err != nil {
			t.Fatal(err)
		}
	}
	var events []string
	busy := queue.Never
	for now, steps := time.Duration(0), 0; q.Len() > 0; steps++ {
		if steps > 100 {
			t.Fatalf("no end at %v: %v", now, events)
		}
		if now == busy {
			busy = queue.Never
			if _, err := q.Done(now, 0, []bool{true}, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range q.Late(now, nil) {
			events = append(events, fmt.Sprintf("%d back at %v", row.ID, now.Round(ms)))
		}
		if b, ok := q.Next(now); ok {
			busy = now + 5*ms
			events = append(events, fmt.Sprintf("%d at %v", b.Rows[0].ID, now.Round(ms)))
		}
		now = max(now, min(busy, q.Wake()))
	}
	// At 10 ms row 5 has 20 left: 5 until the slot is free, 10 for two that stay before it, and 6.
	want := "[0 at 0s 1 at 5ms 2 at 10ms 5 back at 10ms 3 at 15ms 4 at 20ms]"
	if got := fmt.Sprint(events); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
