package worker

import (
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// run runs a batch, ends what it finishes, and returns the batches that are to run next.
func (w *worker) run(b queue.Batch) (due []queue.Batch) {
	defer w.running.Done()
	s := &w.slots[b.Slot]
	begun, used := time.Now(), w.cpu()
	w.step(b.Stage, s, s.jobs)
	w.pace(s, min(time.Since(begun), w.cpu()-used))
	took := time.Since(begun)

	w.mu.Lock()
	defer w.mu.Unlock()
	s.exited = s.exited[:0]
	whole := s.whole()
	for _, j := range s.jobs {
		j.service += took
		j.times = append(j.times, took)
		j.apart = j.apart || !whole
		end := j.exited || j.err != nil
		s.exited = append(s.exited, end)
		if end {
			w.settle(j)
		}
	}
	now := w.now()
	var err error
	if w.back, err = w.queue.Done(now, b.Slot, s.exited, w.back[:0]); err != nil {
		panic(err) // our own mistake: it ended a batch that it had not begun
	}
	w.handBack()
	return w.pump(now)
}

// whole tells whether a slot's batch is all rows of one call.
func (s *slot) whole() bool {
	c := s.jobs[0].call
	return len(s.jobs) == len(c.jobs) && !slices.ContainsFunc(s.jobs, func(j *job) bool { return j.call != c })
}

// handBack ends the rows in back, which have not run the stages that they name.
func (w *worker) handBack() {
	for _, row := range w.back {
		if j := w.jobs[row.ID]; j != nil {
			w.settle(j)
		}
	}
}

// settle ends a row, unless its call has been abandoned; the last one ends its call.
func (w *worker) settle(j *job) {
	if w.jobs[j.id] != j {
		return
	}
	delete(w.jobs, j.id)
	if j.left--; j.left == 0 {
		close(j.done)
	}
	w.rest()
}

// abandon forgets the rows of a call that nobody waits for any more.
func (w *worker) abandon(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range c.jobs {
		w.forget(&c.jobs[i])
	}
	w.rest()
}

// forget takes a row out of the queue: at once if it waits, else when its batch is done.
func (w *worker) forget(j *job) {
	w.queue.Cancel(j.ticket)
	delete(w.jobs, j.id)
}

// rest notes that a draining worker has nothing left to do.
func (w *worker) rest() {
	if w.draining && len(w.jobs) == 0 {
		select {
		case <-w.idle:
		default:
			close(w.idle)
		}
	}
}

// load is the rows at the worker.
func (w *worker) load() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.Len()
}

// drain refuses new rows from now on. The channel that it returns is closed when those that
// are here have ended.
func (w *worker) drain() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	w.queue.Drain()
	w.rest()
	return w.idle
}

// close cancels what is running, waits for it and closes the stages. Rows that are here end
// in errClosed. A stage that does not return in time is left behind: its memory may be in
// use, so the stages stay open, and that is an error.
func (w *worker) close(limit time.Duration) error {
	w.mu.Lock()
	w.closed = true
	w.timer.Stop()
	w.mu.Unlock()
	w.cancel()
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-ended:
		return w.stages.Close()
	case <-t.C:
		return fmt.Errorf("a stage has not returned %v after its context was over", limit)
	}
}
