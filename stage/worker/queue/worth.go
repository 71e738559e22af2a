package queue

import "time"

// The decisions of this file weigh the time that rows wait against the time that slots save.
//
// One more row in a batch of n keeps its n rows for t(n+1)-t(n) longer, and saves the slot
// t(n)+t(1)-t(n+1), for alone the row would take t(1). A second of a slot is worth as many
// seconds of rows as rows wait for the slot: each of them would be served a second earlier.
// So batches grow with load by themselves. Where the curve is flat nothing is ever saved,
// and rows run one by one.
//
// That such rules come to thresholds is known for a single queue (Deb and Serfozo, Advances in
// Applied Probability 1973). That batches of later stages should fill up again after exits
// is E3's idea (SOSP '24), which has whole machines for it; here it is a matter of order.

// How many of the last are remembered.
const (
	rowMemory = 64
	gapMemory = 16
)

// mostCrowd limits what is expected of a worker that has long been busy without a pause.
const mostCrowd = 32

// full is 1 if no slot is free, and else 0.
func (q *Queue) full() float64 {
	if len(q.free) == 0 {
		return 1
	}
	return 0
}

// crowd is how many rows are expected to come before a slot is free for want of work. In M/M/1,
// of whose customers a share p has to wait, it is p/(1-p).
func (q *Queue) crowd() float64 { return q.crowded / max(1-q.crowded, 1./mostCrowd) }

// each is the part of so many rows that waits for one slot.
func (q *Queue) each(rows int) float64 { return float64(max(rows, 0)) / float64(len(q.slots)) }

// fill is how many rows of a stage the next batch gets: one more as long as that saves those
// that are left behind, and those to come, more than it costs those that are in already. What
// other free slots can take at once is not left behind. A batch also ends before the row that
// would make its tightest row late, if that one is worth it.
func (q *Queue) fill(now time.Duration, stage int) int {
	w := &q.stages[stage]
	most := min(w.rows, w.size)
	if most == 1 || w.curve == nil {
		return most
	}
	_, first, _ := q.head(stage)
	left, n := q.left(now, &first.row), 1
	for ; n < most; n++ {
		behind := q.each(q.queued-n-len(q.free)) + q.crowd()
		if behind*w.curve.saved(n) < float64(n)*w.curve.more(n) || w.curve[n] > left && q.tightFirst(w, n) {
			break
		}
	}
	return n
}

// left is how long a batch may take with a row in it. Where rows may go elsewhere, one that goes on
// after the stage is to have the time for that, or to be finished here, unless it would not even if
// it ran alone. Where they may not, that would make batches smaller and so more rows late.
func (q *Queue) left(now time.Duration, r *Row) time.Duration {
	if r.Deadline == Never {
		return Never
	}
	left, next := r.Deadline-now, r.Stage+1
	if next >= q.config.Stages || q.config.Need[next] <= q.alone(next) {
		return left
	}
	then := q.config.Need[next]
	if rest := q.config.Rest[next]; rest > 0 {
		then = min(then, rest)
	}
	if left-then >= q.alone(r.Stage) {
		return left - then
	}
	return left
}

// tightFirst tells whether a row that would be late in a batch of more than n rows is worth a
// batch more: whether the time that this costs a slot, as far as it is missed, would serve
// less than one row in a full batch. To keep to each deadline where batches gain much would
// make all other rows late: the busier a worker, the smaller its batches would be.
func (q *Queue) tightFirst(w *waiting, n int) bool {
	return q.crowded*w.curve.saved(n)*float64(w.size) < float64(w.curve[w.size-1])
}

// company is until when the rows of a stage wait for company although a slot is free. They
// wait if the time that one more row would save the slot, as far as it is missed, is more
// than they would wait for it together, and then until they have waited as long as that in
// vain; but never past the window, nor so long that the first would be late in that batch. A
// second of a slot is taken to be missed as often as rows find no slot free: so an idle
// worker never waits. To weigh it by crowd, as fill does, has been measured to be worse.
func (q *Queue) company(w *waiting, first *Row) time.Duration {
	longest := q.crowded * w.curve.saved(w.rows) / float64(w.rows)
	if longest < w.gap {
		return 0
	}
	until := min(later(w.since, w.window), q.latest(first), later(w.last, time.Duration(longest)))
	if first.Deadline != Never {
		until = min(until, first.Deadline-w.curve[w.rows])
	}
	return until
}

// loss is what is lost, in rows times nanoseconds, if a stage is run now and not when the next
// of its rows have come: what one more row would save the rows of other stages, which can use
// the slot meanwhile, less what the stage's own would wait. A wait is taken to last as long
// again as it has lasted, so that no stage is put off for ever. There is no loss if the batch
// is full, or if its first row would be late after another batch and is worth one more.
func (q *Queue) loss(now time.Duration, stage int, first *Row) float64 {
	w := &q.stages[stage]
	others := q.queued - w.rows
	if others == 0 || w.curve == nil || w.rows >= w.size {
		return 0
	}
	if first.Deadline != Never && float64(q.latest(first)-now) < float64(q.longest)+float64(w.curve[w.rows-1]) && q.tightFirst(w, w.rows) {
		return 0
	}
	wait := max(w.gap, float64(now-w.last))
	return max(q.each(others)*w.curve.saved(w.rows)-float64(w.rows)*wait, 0)
}
