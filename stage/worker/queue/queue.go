// Package queue decides what a worker runs next: which rows form the next batch, when
// it starts, and which rows leave unfinished because they would be late. It is plain
// state: it takes events and the time, starts no goroutine, reads no clock and does no
// I/O. A worker's server drives it in real time, a simulation in virtual time.
//
// Times are durations since an origin of the driver's choice, and never go back.
//
// # Batches
//
// A queue that is told what batches take (Config.Curve) runs rows one by one where batches gain
// nothing. Elsewhere a batch grows, waits for company, and lets other stages go first while it
// fills up with rows that have come as far, as long as that saves rows more time than it
// costs: so batches are small at a worker that is idle and full at one that is busy. Deadlines
// come first, but where it would make more rows late than it saves.
//
// Share of requests within an SLO of five times the full pass: one VM of one slot, four stages
// of 45 ms that .35, .35 and .25 of the requests leave at, Poisson arrivals at a part of what
// full batches of 16 could carry; rows alone, batches of whatever is there with the earliest
// deadline first, and this package. By "go test -run '^$' -bench Batching -benchtime 1x ./provisioner/simulate"
// of 24 November 2026, seed 1:
//
//	gain of 16 rows   load   alone    greedy   here
//	1.0 (flat)        0.3    100.0 %  100.0 %  100.0 %
//	                  0.7     99.7 %   98.6 %   99.7 %
//	                  0.95    94.8 %   87.8 %   94.8 %
//	1.4 (processor)   0.3    100.0 %  100.0 %  100.0 %
//	                  0.7     93.4 %   98.1 %   98.6 %
//	                  0.95    68.1 %   82.6 %   84.8 %
//	9.1 (GPU)         0.3     25.9 %  100.0 %  100.0 %
//	                  0.7      8.9 %   97.0 %   98.9 %
//	                  0.95     6.2 %   57.2 %   91.2 %
package queue

import (
	"errors"
	"fmt"
	"math"
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

// Row is one request at the worker.
type Row struct {
	ID       uint64        // the driver's
	Stage    int           // the next stage to run, counted from 0
	Last     int           // the last stage to run here; a row unfinished after it goes back
	Deadline time.Duration // of one stage's rows the earliest is served first; Never for none
	// Keep says that nothing else would be in time: the row then needs no more time than the
	// stage itself takes, if that is known, and not what Need says.
	Keep bool
	// Idle rows have no deadline, and nobody waits for them: they run when no other row is due, in
	// batches of their own.
	Idle  bool
	stays bool // it is late for others, but not here
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
	longest  time.Duration // that a full batch of any stage takes
	lateAt   time.Duration // until then no row that waits is late
	staying  time.Duration // what the rows take that wait and would have gone back
	crowded  float64       // share of the rows that came and found no slot free: a moving average
}

// waiting is the rows that wait for one stage.
type waiting struct {
	byDeadline heap.Heap[Ticket]
	staying    heap.Heap[Ticket] // those that are not to go back for others' sake
	rows       int               // without the cancelled ones that are still in the heap
	since      time.Duration     // when it last was empty
	curve      curve             // to size; nil if it is not known
	size       int               // of a full batch
	window     time.Duration     // longest wait for company
	last       time.Duration     // when rows last came
	gap        float64           // nanoseconds between such times: a moving average
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
	goesOn  bool // its rows are to run their next stage: see Config.Together
	stage   int
	begun   time.Duration
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
	q.open()
	return q, nil
}

// open makes all stages ready for rows.
func (q *Queue) open() {
	q.longest = 0
	for s := range q.stages {
		w := &q.stages[s]
		w.open(q.config.Curve[s], q.config.MaxBatch, q.config.Window)
		if w.curve != nil {
			q.longest = max(q.longest, w.curve[w.size-1])
		}
	}
}

// Set has the queue go by other settings from now on, as when other stages are to be served. Rows that are
// here stay, and batches in service go on; call Late and Next after it. How many stages and slots there are
// cannot change: then, and if a setting is wrong, it is an error and nothing changes.
func (q *Queue) Set(c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	if c.Stages != q.config.Stages || c.Slots != q.config.Slots {
		return fmt.Errorf("queue: %d slots for %d stages, and it was opened with %d for %d: these cannot change", c.Slots, c.Stages, q.config.Slots, q.config.Stages)
	}
	q.config = c
	q.open()
	q.lateAt, q.staying = -1, 0 // not known
	for i := range q.entries {
		if e := &q.entries[i]; e.state == queued && e.row.stays {
			q.staying += q.alone(e.row.Stage)
		}
	}
	return nil
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
	if e.row = r; r.Idle {
		e.row.Deadline = Never
	}
	e.use++
	t := Ticket(uint64(e.use)<<32 | uint64(i))
	q.rows++
	if !r.Idle {
		q.crowded += (q.full() - q.crowded) / rowMemory
	}
	q.wait(now, t, e)
	return t, nil
}

func (q *Queue) wait(now time.Duration, t Ticket, e *entry) {
	w := &q.stages[e.row.Stage]
	if w.rows == 0 {
		w.since = now
	}
	w.rows++
	if !e.row.Idle {
		w.came(now)
	}
	q.queued++
	e.state = queued
	q.lateAt = min(q.lateAt, q.latest(&e.row))
	switch {
	case e.row.Keep || e.row.stays:
		q.stay(t, e)
	case e.row.Idle: // behind those that merely have no deadline
		w.byDeadline.Push(Never, t)
	default:
		w.byDeadline.Push(min(e.row.Deadline, Never-1), t)
	}
}

// stay puts a row among those that are not to go back for others' sake. They are served with the
// rest, but their time runs out at another time.
func (q *Queue) stay(t Ticket, e *entry) {
	q.stages[e.row.Stage].staying.Push(e.row.Deadline, t)
	if e.row.stays {
		q.staying += q.alone(e.row.Stage)
	}
}

// alone is what a row takes alone at a stage; 0 if that is not known.
func (q *Queue) alone(stage int) time.Duration {
	if c := q.stages[stage].curve; len(c) > 0 {
		return c[0]
	}
	return 0
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
	if e.row.stays {
		q.staying -= q.alone(e.row.Stage)
	}
}

func (q *Queue) leave(t Ticket, e *entry) {
	e.state = gone
	q.unused = append(q.unused, uint32(t))
	q.rows--
}

// first is the first row of a heap that still waits; nil if there is none.
func (q *Queue) first(h *heap.Heap[Ticket]) (Ticket, *entry) {
	for {
		_, t, ok := h.Peek()
		if !ok {
			return 0, nil
		}
		if e := q.entry(t); e != nil && e.state == queued {
			return t, e
		}
		h.Pop() // it was cancelled
	}
}

// head is the waiting row of a stage with the earliest deadline, and the heap that it heads;
// nil if none waits.
func (q *Queue) head(stage int) (Ticket, *entry, *heap.Heap[Ticket]) {
	w := &q.stages[stage]
	t, e := q.first(&w.byDeadline)
	if w.staying.Len() == 0 {
		return t, e, &w.byDeadline
	}
	if u, f := q.first(&w.staying); f != nil && (e == nil || f.row.Deadline <= e.row.Deadline) {
		return u, f, &w.staying
	}
	return t, e, &w.byDeadline
}

// Drain refuses new rows from now on; those that are here are served as before.
func (q *Queue) Drain() { q.draining = true }

// Resume takes new rows again.
func (q *Queue) Resume() { q.draining = false }

// Load is what a reply tells about the worker: rows that wait and slots in service.
func (q *Queue) Load() (waiting, busy int) { return q.queued, len(q.slots) - len(q.free) }

// Len is the number of rows at the worker; 0 means that a draining worker may end.
func (q *Queue) Len() int { return q.rows }
