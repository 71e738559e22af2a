// Package queue decides what a worker runs next: which rows form the next batch, when
// it starts, and which rows leave unfinished because they would be late. It is plain
// state: it takes events and the time, starts no goroutine, reads no clock and does no
// I/O. A worker's server drives it in real time, a simulation in virtual time.
//
// Times are durations since an origin of the driver's choice, and never go back.
package queue

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/internal/heap"
)

// Never is the time of what does not happen.
const Never = time.Duration(math.MaxInt64)

// Why Enqueue refuses a row.
var (
	ErrFull     = errors.New("the worker is full")
	ErrDraining = errors.New("the worker is draining")
	ErrRow      = errors.New("the row does not fit the worker")
)

// Config is a worker's. The zero value of a field but Stages is its default.
type Config struct {
	Stages   int           // of the model, at least 1
	Slots    int           // batches in service at once; default 1
	MaxBatch int           // rows in a batch; default 1
	Window   time.Duration // longest that a row waits for company while a slot is free; default 0
	Limit    int           // rows at the worker, waiting and in service; default no limit
	// Need[s] is the time that a row must have left when stage s starts, for it to be
	// worth running here; with less it goes back. Default 0: once its deadline is past.
	Need []time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Stages < 1 || c.Slots < 0 || c.MaxBatch < 0 || c.Window < 0 || c.Limit < 0 || len(c.Need) > 0 && slices.Min(c.Need) < 0 {
		return c, fmt.Errorf("queue: %+v: give at least 1 stage and nothing negative", c)
	}
	if n := len(c.Need); n != 0 && n != c.Stages {
		return c, fmt.Errorf("queue: Need has %d entries for %d stages: give one for each", n, c.Stages)
	}
	c.Need = append(slices.Clone(c.Need), make([]time.Duration, c.Stages-len(c.Need))...)
	c.Slots, c.MaxBatch = max(c.Slots, 1), max(c.MaxBatch, 1)
	if c.Limit == 0 {
		c.Limit = math.MaxInt
	}
	return c, nil
}

// Row is one request at the worker.
type Row struct {
	ID       uint64        // the driver's
	Stage    int           // the next stage to run, counted from 0
	Last     int           // the last stage to run here; a row unfinished after it goes back
	Deadline time.Duration // rows with earlier deadlines are served first; Never for none
}

// Ticket names a row while it is at the worker. It is never used again.
type Ticket uint64

// Batch is what one slot runs: rows of one stage. Rows is the queue's memory, valid
// until the slot is done.
type Batch struct {
	Slot  int
	Stage int
	Rows  []Row
}

// Queue is the rows of one worker. It is not safe for concurrent use.
type Queue struct {
	config   Config
	stages   []waiting
	slots    []slot
	free     []int // slots
	entries  []entry
	unused   []uint32 // entries
	rows     int
	queued   int
	draining bool
}

// waiting is the rows that wait for one stage.
type waiting struct {
	byDeadline heap.Heap[Ticket]
	rows       int           // without the cancelled ones that are still in the heap
	since      time.Duration // when it last was empty
}

// entry is a row at the worker.
type entry struct {
	row   Row
	use   uint32 // how often the entry has been used: half of the ticket
	state state
}

type state uint8

const (
	gone state = iota
	queued
	running
	cancelled // while running
)

// slot is room for one batch in service.
type slot struct {
	busy    bool
	stage   int
	tickets []Ticket
	rows    []Row
}

// New returns an empty queue, or an error that says which setting is wrong.
func New(c Config) (*Queue, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	q := &Queue{config: c, stages: make([]waiting, c.Stages), slots: make([]slot, c.Slots)}
	for i := range c.Slots {
		q.free = append(q.free, c.Slots-1-i)
	}
	return q, nil
}

// Enqueue takes a row in. Its error wraps ErrFull, ErrDraining or ErrRow.
func (q *Queue) Enqueue(now time.Duration, r Row) (Ticket, error) {
	switch {
	case r.Stage < 0 || r.Last < r.Stage || r.Last >= q.config.Stages:
		return 0, fmt.Errorf("%w: stages %d to %d of %d", ErrRow, r.Stage, r.Last, q.config.Stages)
	case q.draining:
		return 0, ErrDraining
	case q.rows >= q.config.Limit:
		return 0, ErrFull
	}
	i := len(q.entries)
	if n := len(q.unused); n > 0 {
		i = int(q.unused[n-1])
		q.unused = q.unused[:n-1]
	} else {
		q.entries = append(q.entries, entry{})
	}
	e := &q.entries[i]
	e.row = r
	e.use++
	t := Ticket(uint64(e.use)<<32 | uint64(i))
	q.rows++
	q.wait(now, t, e)
	return t, nil
}

func (q *Queue) wait(now time.Duration, t Ticket, e *entry) {
	w := &q.stages[e.row.Stage]
	if w.rows == 0 {
		w.since = now
	}
	w.rows++
	q.queued++
	e.state = queued
	w.byDeadline.Push(e.row.Deadline, t)
}

// entry is the row of a ticket; nil if it is no longer here.
func (q *Queue) entry(t Ticket) *entry {
	i := uint32(t)
	if int(i) >= len(q.entries) || q.entries[i].use != uint32(t>>32) || q.entries[i].state == gone {
		return nil
	}
	return &q.entries[i]
}

// Cancel forgets a row: one that waits at once, one in service when its batch is
// done. It reports whether the row was here; a late or second Cancel is no harm.
func (q *Queue) Cancel(t Ticket) bool {
	e := q.entry(t)
	switch {
	case e == nil || e.state == cancelled:
		return false
	case e.state == queued:
		q.unwait(e)
		q.leave(t, e)
	default:
		e.state = cancelled
	}
	return true
}

// unwait takes a row out of the count of those that wait; its ticket stays in the
// heap, where it means nothing once the entry has left or waits elsewhere.
func (q *Queue) unwait(e *entry) {
	q.stages[e.row.Stage].rows--
	q.queued--
}

func (q *Queue) leave(t Ticket, e *entry) {
	e.state = gone
	q.unused = append(q.unused, uint32(t))
	q.rows--
}

// head is the waiting row of a stage with the earliest deadline; nil if none waits.
func (q *Queue) head(stage int) (Ticket, *entry) {
	w := &q.stages[stage]
	for {
		_, t, ok := w.byDeadline.Peek()
		if !ok {
			return 0, nil
		}
		if e := q.entry(t); e != nil && e.state == queued {
			return t, e
		}
		w.byDeadline.Pop() // it was cancelled
	}
}

// take removes the head of a stage from those that wait.
func (q *Queue) take(stage int) (Ticket, *entry) {
	t, e := q.head(stage)
	if e != nil {
		q.stages[stage].byDeadline.Pop()
		q.unwait(e)
	}
	return t, e
}

// latest is when the row is to be started at the latest.
func (q *Queue) latest(r *Row) time.Duration {
	if r.Deadline == Never {
		return Never
	}
	return r.Deadline - q.config.Need[r.Stage]
}

// Late appends to back the waiting rows that have less time left than they need here.
// They leave the worker. Call it before Next.
func (q *Queue) Late(now time.Duration, back []Row) []Row {
	if q.queued == 0 {
		return back
	}
	for s := range q.stages {
		for q.stages[s].rows > 0 {
			_, e := q.head(s)
			if e == nil || q.latest(&e.row) >= now {
				break
			}
			t, e := q.take(s)
			back = append(back, e.row)
			q.leave(t, e)
		}
	}
	return back
}

// Next starts the next batch, if a slot is free and one is due: of the stages whose
// waiting rows fill a batch or have waited for the window, the one with the row of
// the earliest deadline. Call it until ok is false.
func (q *Queue) Next(now time.Duration) (b Batch, ok bool) {
	if len(q.free) == 0 || q.queued == 0 {
		return b, false
	}
	best, earliest := -1, Never
	for s := range q.stages {
		if q.stages[s].rows == 0 {
			continue
		}
		_, e := q.head(s)
		if e != nil && q.due(s, e) <= now && (best < 0 || e.row.Deadline < earliest) {
			best, earliest = s, e.row.Deadline
		}
	}
	if best < 0 {
		return b, false
	}
	n := len(q.free) - 1
	i := q.free[n]
	q.free = q.free[:n]
	return q.start(i, best), true
}

// start puts the first rows of a stage into a slot.
func (q *Queue) start(i, stage int) Batch {
	s := &q.slots[i]
	s.busy, s.stage, s.tickets, s.rows = true, stage, s.tickets[:0], s.rows[:0]
	for len(s.rows) < q.config.MaxBatch {
		t, e := q.take(stage)
		if e == nil {
			break
		}
		e.state = running
		s.tickets, s.rows = append(s.tickets, t), append(s.rows, e.row)
	}
	return Batch{i, stage, s.rows}
}

// due is when a stage's rows are to be started, given the first of them.
func (q *Queue) due(stage int, first *entry) time.Duration {
	w := &q.stages[stage]
	if w.rows >= q.config.MaxBatch {
		return 0
	}
	if q.config.Window > Never-w.since {
		return q.latest(&first.row)
	}
	return min(w.since+q.config.Window, q.latest(&first.row))
}

// Done frees a slot. Exited has one value for each row of its batch: whether the row
// is finished. The others wait for their next stage, among the rows that are there
// already; those that may go no further here are appended to back, with the stage
// that they have not run, and leave the worker. A slot that is not busy, or a wrong
// number of values, is an error and changes nothing.
func (q *Queue) Done(now time.Duration, slot int, exited []bool, back []Row) ([]Row, error) {
	if slot < 0 || slot >= len(q.slots) || !q.slots[slot].busy {
		return back, fmt.Errorf("queue: slot %d is not in service", slot)
	}
	s := &q.slots[slot]
	if len(exited) != len(s.rows) {
		return back, fmt.Errorf("queue: %d exits for a batch of %d rows", len(exited), len(s.rows))
	}
	s.busy = false
	q.free = append(q.free, slot)
	for i, t := range s.tickets {
		e := q.entry(t)
		e.row.Stage++
		switch {
		case e.state == cancelled || exited[i]:
			q.leave(t, e)
		case e.row.Stage > e.row.Last || q.latest(&e.row) < now:
			back = append(back, e.row)
			q.leave(t, e)
		default:
			q.wait(now, t, e)
		}
	}
	return back, nil
}

// Wake is when Late or Next has something to do if no event comes before; Never if
// nothing will be.
func (q *Queue) Wake() time.Duration {
	wake := Never
	if q.queued == 0 {
		return wake
	}
	for s := range q.stages {
		if q.stages[s].rows == 0 {
			continue
		}
		if _, e := q.head(s); e != nil {
			if latest := q.latest(&e.row); latest < Never {
				wake = min(wake, latest+1) // later than that it is late
			}
			if len(q.free) > 0 {
				wake = min(wake, q.due(s, e))
			}
		}
	}
	return wake
}

// Drain refuses new rows from now on; those that are here are served as before.
func (q *Queue) Drain() { q.draining = true }

// Resume takes new rows again.
func (q *Queue) Resume() { q.draining = false }

// Load is what a reply tells about the worker: rows that wait and slots in service.
func (q *Queue) Load() (waiting, busy int) { return q.queued, len(q.slots) - len(q.free) }

// Len is the number of rows at the worker; 0 means that a draining worker may end.
func (q *Queue) Len() int { return q.rows }
