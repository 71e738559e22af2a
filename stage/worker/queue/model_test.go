package queue_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// model is what a queue must do, in the plainest way.
type model struct {
	q        *queue.Queue
	config   queue.Config
	window   time.Duration // longest that a row may wait beside a free slot
	now      time.Duration
	next     uint64
	waiting  map[uint64]queue.Row
	running  map[int]queue.Batch
	dropped  map[uint64]bool // cancelled while running
	tickets  map[uint64]queue.Ticket
	draining bool
	in, out  int // rows that have come and gone
}

func (m *model) enqueue(t *rapid.T) {
	first := rapid.IntRange(0, m.config.Stages-1).Draw(t, "stage")
	r := queue.Row{ID: m.next, Stage: first, Last: rapid.IntRange(first, m.config.Stages-1).Draw(t, "last"), Deadline: queue.Never}
	if rapid.Bool().Draw(t, "has a deadline") {
		r.Deadline = m.now + time.Duration(rapid.IntRange(-5, 50).Draw(t, "deadline"))
	}
	if r.Idle = rapid.IntRange(0, 3).Draw(t, "idle") == 0; r.Idle {
		r.Deadline = queue.Never
	}
	m.next++
	ticket, err := m.q.Enqueue(m.now, r)
	full := m.config.Limit > 0 && m.in-m.out >= m.config.Limit
	if refused := m.draining || full; refused != (err != nil) {
		t.Fatalf("enqueue: %v; draining %v, full %v", err, m.draining, full)
	}
	if err != nil {
		if !errors.Is(err, queue.ErrFull) && !errors.Is(err, queue.ErrDraining) {
			t.Fatal(err)
		}
		return
	}
	for id, old := range m.tickets {
		if old == ticket {
			t.Fatalf("rows %d and %d have one ticket", id, r.ID)
		}
	}
	m.in++
	m.waiting[r.ID], m.tickets[r.ID] = r, ticket
}

func (m *model) cancel(t *rapid.T) {
	if m.next == 0 {
		return
	}
	id := rapid.Uint64Range(0, m.next-1).Draw(t, "row")
	ticket, came := m.tickets[id]
	_, isWaiting := m.waiting[id]
	isRunning := !m.dropped[id] && slices.ContainsFunc(m.batches(), func(b queue.Batch) bool {
		return slices.ContainsFunc(b.Rows, func(r queue.Row) bool { return r.ID == id })
	})
	if !came {
		return
	}
	if got := m.q.Cancel(ticket); got != (isWaiting || isRunning) {
		t.Fatalf("cancel of row %d: %v; waiting %v, running %v", id, got, isWaiting, isRunning)
	}
	switch {
	case isWaiting:
		delete(m.waiting, id)
		m.out++
	case isRunning:
		m.dropped[id] = true
	}
}

func (m *model) batches() (list []queue.Batch) {
	for _, b := range m.running {
		list = append(list, b)
	}
	return list
}

func (m *model) late(r queue.Row) bool {
	return r.Deadline != queue.Never && r.Deadline-m.config.Need[r.Stage] < m.now
}

// step lets the queue do all there is to do at this time.
func (m *model) step(t *rapid.T) {
	for _, r := range m.q.Late(m.now, nil) {
		if w, ok := m.waiting[r.ID]; !ok || w != r || !m.late(r) {
			t.Fatalf("row %+v has been handed back; waiting %v", r, ok)
		}
		delete(m.waiting, r.ID)
		m.out++
	}
	for _, r := range m.waiting {
		if m.late(r) {
			t.Fatalf("row %+v is late and waits on", r)
		}
	}
	for {
		b, ok := m.q.Next(m.now)
		if !ok {
			break
		}
		m.start(t, b)
	}
	if wake := m.q.Wake(); wake <= m.now {
		t.Fatalf("nothing is left to do, and it wants to be woken at %v", wake)
	}
	m.check(t)
}

func (m *model) start(t *rapid.T, b queue.Batch) {
	if _, busy := m.running[b.Slot]; busy || b.Slot < 0 || b.Slot >= m.config.Slots {
		t.Fatalf("slot %d is used twice or is not there", b.Slot)
	}
	most := m.config.MaxBatch
	curve := m.config.Curve[b.Stage]
	if len(curve) > 0 {
		most = queue.Worth(curve[:min(len(curve), most)])
	}
	if len(b.Rows) < 1 || len(b.Rows) > most {
		t.Fatalf("a batch of %d rows, at most %d are worth it", len(b.Rows), most)
	}
	last := time.Duration(0)
	for i, r := range b.Rows {
		if w, ok := m.waiting[r.ID]; !ok || w != r || r.Stage != b.Stage {
			t.Fatalf("row %+v does not wait for stage %d", r, b.Stage)
		}
		if r.Idle != b.Rows[0].Idle {
			t.Fatalf("idle rows with others: %+v", b.Rows)
		}
		if i > 0 && r.Deadline < last {
			t.Fatalf("not in the order of deadlines: %+v", b.Rows)
		}
		last = r.Deadline
		delete(m.waiting, r.ID)
	}
	idle := b.Rows[0].Idle
	for _, r := range m.waiting {
		if r.Stage != b.Stage || r.Idle && !idle {
			continue
		}
		if r.Idle != idle || r.Deadline < last || len(b.Rows) < most && len(curve) == 0 {
			t.Fatalf("row %+v had to be in batch %+v", r, b.Rows)
		}
	}
	b.Rows = slices.Clone(b.Rows)
	m.running[b.Slot] = b
}

func (m *model) done(t *rapid.T) {
	slot := rapid.IntRange(0, m.config.Slots-1).Draw(t, "slot")
	b, busy := m.running[slot]
	exited := make([]bool, len(b.Rows))
	for i := range exited {
		exited[i] = rapid.Bool().Draw(t, "exits")
	}
	back, err := m.q.Done(m.now, slot, exited, nil)
	if busy != (err == nil) {
		t.Fatalf("done of slot %d, busy %v: %v", slot, busy, err)
	}
	if !busy {
		return
	}
	delete(m.running, slot)
	var want []queue.Row
	for i, r := range b.Rows {
		r.Stage++
		switch {
		case exited[i] || m.dropped[r.ID]:
			m.out++
		case r.Stage > r.Last || m.late(r):
			want = append(want, r)
			m.out++
		default:
			m.waiting[r.ID] = r
		}
	}
	if !slices.Equal(back, want) {
		t.Fatalf("handed back %+v, want %+v", back, want)
	}
}

// check: no row and no slot is lost or counted twice.
func (m *model) check(t *rapid.T) {
	rows := len(m.waiting)
	for _, b := range m.running {
		rows += len(b.Rows)
	}
	waiting, busy := m.q.Load()
	if rows != m.in-m.out || m.q.Len() != rows || waiting != len(m.waiting) || busy != len(m.running) {
		t.Fatalf("%d rows of %d in and %d out; Len %d, Load %d %d, waiting %d, running %d",
			rows, m.in, m.out, m.q.Len(), waiting, busy, len(m.waiting), len(m.running))
	}
	if len(m.waiting) > 0 && len(m.running) < m.config.Slots && m.q.Wake() > m.now+m.window {
		t.Fatalf("rows wait beside a free slot until %v", m.q.Wake())
	}
}

// draw is what a worker's settings may be.
func draw(t *rapid.T) (c queue.Config, window time.Duration) {
	c = queue.Config{
		Stages:   rapid.IntRange(1, 4).Draw(t, "stages"),
		Slots:    rapid.IntRange(1, 3).Draw(t, "slots"),
		MaxBatch: rapid.IntRange(1, 4).Draw(t, "batch"),
		Window:   time.Duration(rapid.IntRange(0, 10).Draw(t, "window")),
		Limit:    rapid.IntRange(0, 12).Draw(t, "limit"),
	}
	window = c.Window
	for range c.Stages {
		c.Need = append(c.Need, time.Duration(rapid.IntRange(0, 10).Draw(t, "need")))
		var curve []time.Duration
		for range rapid.IntRange(0, 5).Draw(t, "sizes") {
			curve = append(curve, time.Duration(rapid.IntRange(1, 30).Draw(t, "time")))
		}
		c.Curve = append(c.Curve, curve)
		if size := queue.Worth(curve[:min(len(curve), c.MaxBatch)]); size > 0 && c.Window == 0 {
			window = max(window, curve[size-1])
		}
	}
	return c, window
}

func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, window := draw(t)
		q, err := queue.New(c)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{q: q, config: c, window: window, waiting: map[uint64]queue.Row{}, running: map[int]queue.Batch{}, dropped: map[uint64]bool{}, tickets: map[uint64]queue.Ticket{}}
		for range rapid.IntRange(1, 150).Draw(t, "events") {
			switch rapid.IntRange(0, 10).Draw(t, "event") {
			case 0, 1, 2, 3:
				m.enqueue(t)
			case 4, 5, 6:
				m.done(t)
			case 7:
				m.cancel(t)
			case 8:
				m.now += time.Duration(rapid.IntRange(0, 15).Draw(t, "time"))
			case 9:
				if rapid.IntRange(0, 9).Draw(t, "drain") == 0 {
					q.Drain()
					m.draining = true
				} else {
					q.Resume()
					m.draining = false
				}
			case 10:
				next, window := draw(t)
				fits := next.Stages == c.Stages && next.Slots == c.Slots
				if err := q.Set(next); (err == nil) != fits {
					t.Fatalf("set %+v, was %+v: %v", next, c, err)
				} else if fits {
					m.config, m.window = next, window
				}
			}
			m.step(t)
		}
	})
}

// BenchmarkQueue is a batch of a worker that is kept busy: rows go through four stages, and half
// leave at each. It also reports the time for a row of a batch.
func BenchmarkQueue(b *testing.B) {
	for name, c := range map[string]queue.Config{
		"slots=1":           {Stages: 4},
		"slots=8":           {Stages: 4, Slots: 8},
		"slots=2,batch=8":   {Stages: 4, Slots: 2, MaxBatch: 8},
		"slots=8,limit=100": {Stages: 4, Slots: 8, Limit: 100},
		"slots=2,steep=8":   {Stages: 4, Slots: 2, MaxBatch: 8, Curve: [][]time.Duration{steep(8), steep(8), steep(8), steep(8)}},
	} {
		b.Run(name, func(b *testing.B) {
			q := open(b, c)
			exited := make([]bool, max(c.MaxBatch, 1))
			var back []queue.Row
			var id uint64
			now, rows := time.Duration(0), 0
			b.ReportAllocs()
			for b.Loop() {
				for q.Len() < 32 {
					id++
					if _, err := q.Enqueue(now, queue.Row{ID: id, Last: 3, Deadline: now + time.Second}); err != nil {
						b.Fatal(err)
					}
				}
				back = q.Late(now, back[:0])
				batch, ok := q.Next(now)
				if !ok {
					b.Fatal("nothing to do")
				}
				now += time.Millisecond
				rows += len(batch.Rows)
				for i, r := range batch.Rows {
					exited[i] = r.ID>>batch.Stage&1 == 0
				}
				var err error
				if back, err = q.Done(now, batch.Slot, exited[:len(batch.Rows)], back[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
		})
	}
}
