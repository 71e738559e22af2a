package queue

import (
	"fmt"
	"math"
	"time"

	"github.com/serflow/serflow-go/internal/heap"
)

// latest is when the row is to be started at the latest.
func (q *Queue) latest(r *Row) time.Duration {
	if r.Deadline == Never {
		return Never
	}
	need := q.config.Need[r.Stage]
	if r.Keep || r.stays {
		need = min(q.alone(r.Stage), need)
	}
	return r.Deadline - need
}

// late tells whether a row is to go back: it has less time left than it needs. It stays, for this
// stage, if it would be in time here after those that have stayed before it, or if it is too late
// for others as well, as after a stage that took long.
func (q *Queue) late(now time.Duration, r *Row) bool {
	if q.latest(r) >= now {
		return false
	}
	rest := q.config.Rest[r.Stage]
	if rest == 0 || r.Keep || r.stays {
		return true
	}
	left, wait := r.Deadline-now, q.soonest(now)+q.staying/time.Duration(len(q.slots))
	r.stays = left >= rest+wait || left < q.config.Least[r.Stage]
	return !r.stays || q.latest(r) < now
}

// soonest is how long it is until a slot is free, as far as curves tell.
func (q *Queue) soonest(now time.Duration) time.Duration {
	soonest := Never / 2
	for i := range q.slots {
		s, left := &q.slots[i], time.Duration(0)
		if c := q.stages[s.stage].curve; s.busy && len(s.rows) <= len(c) {
			left = max(s.begun+c[len(s.rows)-1]-now, 0)
		}
		soonest = min(soonest, left)
	}
	return soonest
}

// Late appends to back the waiting rows that have less time left than they need here.
// They leave the worker. Call it before Next.
func (q *Queue) Late(now time.Duration, back []Row) []Row {
	if q.queued == 0 || now <= q.lateAt {
		return back
	}
	q.lateAt = Never
	for s := range q.stages {
		w := &q.stages[s]
		back = q.lateOf(now, &w.byDeadline, back)
		if w.staying.Len() > 0 {
			back = q.lateOf(now, &w.staying, back)
		}
	}
	return back
}

// lateOf is Late for one heap: its rows are late in their order.
func (q *Queue) lateOf(now time.Duration, h *heap.Heap[Ticket], back []Row) []Row {
	for {
		t, e := q.first(h)
		if e == nil {
			return back
		}
		stays := e.row.stays
		late := q.late(now, &e.row)
		switch {
		case late:
			h.Pop()
			e.row.stays = stays
			q.unwait(e)
			e.row.stays = false
			back = append(back, e.row)
			q.leave(t, e)
		case e.row.stays && !stays:
			h.Pop()
			q.stay(t, e)
		default:
			q.lateAt = min(q.lateAt, q.latest(&e.row))
			return back
		}
	}
}

// Next starts the next batch, if a slot is free and one is due: of the stages whose rows
// need not wait for company, the one with the row of the earliest deadline, or without
// deadlines the deepest; but what had better fill first comes after the others, and idle rows
// come last. Call it until ok is false.
func (q *Queue) Next(now time.Duration) (b Batch, ok bool) {
	if q.config.Together {
		if b, ok := q.goOn(now); ok {
			return b, true
		}
	}
	if q.queued == 0 {
		return b, false
	}
	return q.next(now)
}

// goOn starts the next stage of rows that stay together.
func (q *Queue) goOn(now time.Duration) (b Batch, ok bool) {
	for i := range q.slots {
		if s := &q.slots[i]; s.goesOn {
			s.goesOn, s.begun = false, now
			s.stage++
			return Batch{Slot: i, Stage: s.stage, Rows: s.rows}, true
		}
	}
	return b, false
}

// next is Next if there are rows.
func (q *Queue) next(now time.Duration) (b Batch, ok bool) {
	if len(q.free) == 0 {
		return b, false
	}
	best, least, earliest := -1, math.Inf(1), Never
	for s, left := 0, q.queued; left > 0; s++ {
		if q.stages[s].rows == 0 {
			continue
		}
		left -= q.stages[s].rows
		_, e, _ := q.head(s)
		if e == nil || q.due(s, e) > now {
			continue
		}
		loss, deadline := q.loss(now, s, &e.row), e.row.Deadline
		if e.row.Idle {
			loss = math.Inf(1)
		}
		if loss < least || loss == least && (deadline < earliest || deadline == Never && earliest == Never) {
			best, least, earliest = s, loss, deadline
		}
	}
	if best < 0 {
		return b, false
	}
	n := len(q.free) - 1
	i := q.free[n]
	q.free = q.free[:n]
	b.Slot, b.Stage, b.Rows = i, best, q.start(now, i, best)
	return b, true
}

// start puts the first rows of a stage into a slot.
func (q *Queue) start(now time.Duration, i, stage int) []Row {
	s := &q.slots[i]
	s.busy, s.stage, s.begun, s.tickets, s.rows = true, stage, now, s.tickets[:0], s.rows[:0]
	for n := q.fill(now, stage); n > 0; n-- {
		t, e, h := q.head(stage)
		if len(s.rows) > 0 && e.row.Idle != s.rows[0].Idle {
			break // it would keep rows that somebody waits for
		}
		h.Pop()
		q.unwait(e)
		e.state = running
		s.tickets, s.rows = append(s.tickets, t), append(s.rows, e.row)
	}
	return s.rows
}

// due is when a stage's rows are to be started if a slot is free, given the first of them.
func (q *Queue) due(stage int, first *entry) time.Duration {
	w := &q.stages[stage]
	switch {
	case w.rows >= w.size:
		return 0
	case w.curve != nil:
		return q.company(w, &first.row)
	}
	return min(later(w.since, w.window), q.latest(&first.row))
}

// Done frees a slot. Exited has one value for each row of its batch: whether the row
// is finished. The others wait for their next stage, among the rows that are there
// already; those that may go no further here are appended to back, with the stage
// that they have not run, and leave the worker. A slot that is not busy, or a wrong
// number of values, is an error and changes nothing.
func (q *Queue) Done(now time.Duration, slot int, exited []bool, back []Row) ([]Row, error) {
	if slot < 0 || slot >= len(q.slots) || !q.slots[slot].busy || q.slots[slot].goesOn {
		return back, fmt.Errorf("queue: slot %d is not in service", slot)
	}
	s := &q.slots[slot]
	if len(exited) != len(s.rows) {
		return back, fmt.Errorf("queue: %d exits for a batch of %d rows", len(exited), len(s.rows))
	}
	s.busy = false
	on := 0
	for i, t := range s.tickets {
		e := q.entry(t)
		e.row.Stage++
		e.row.stays = false
		switch {
		case e.state == cancelled || exited[i]:
			q.leave(t, e)
		case e.row.Stage > e.row.Last || q.late(now, &e.row):
			back = append(back, e.row)
			q.leave(t, e)
		case q.config.Together:
			s.tickets[on], s.rows[on] = t, e.row
			on++
		default:
			q.wait(now, t, e)
		}
	}
	s.tickets, s.rows = s.tickets[:on], s.rows[:on]
	if s.goesOn = on > 0; s.goesOn {
		s.busy = true
	} else {
		q.free = append(q.free, slot)
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
	for s, left := 0, q.queued; left > 0; s++ {
		if q.stages[s].rows == 0 {
			continue
		}
		left -= q.stages[s].rows
		if _, e, _ := q.head(s); e != nil {
			for _, h := range []*heap.Heap[Ticket]{&q.stages[s].byDeadline, &q.stages[s].staying} {
				if _, e := q.first(h); e != nil && e.row.Deadline < Never {
					wake = min(wake, q.latest(&e.row)+1) // later than that it is late
				}
			}
			if len(q.free) > 0 {
				wake = min(wake, q.due(s, e))
			}
		}
	}
	return wake
}

// later is a time after another; Never if there is none so late.
func later(t, after time.Duration) time.Duration {
	if after > Never-t {
		return Never
	}
	return t + after
}
