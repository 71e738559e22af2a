package worker

import (
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// run runs a batch, ends what it finishes, and returns the batches that are to run next.
func (w *Worker) run(b queue.Batch) (due []queue.Batch) {
	defer w.running.Done()
	s := &w.slots[b.Slot]
	begun := time.Now()
	w.step(b.Stage, s, s.jobs)
	w.pace(s, time.Since(begun))
	took := time.Since(begun)

	w.mu.Lock()
	defer w.mu.Unlock()
	s.exited = s.exited[:0]
	for _, j := range s.jobs {
		j.service += took
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

// handBack ends the rows in back, which have not run the stages that they name.
func (w *Worker) handBack() {
	for _, row := range w.back {
		if j := w.jobs[row.ID]; j != nil {
			w.settle(j)
		}
	}
}

// settle ends a row, unless its call has been abandoned; the last one ends its call.
func (w *Worker) settle(j *job) {
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
func (w *Worker) abandon(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range c.jobs {
		w.forget(&c.jobs[i])
	}
	w.rest()
}

// forget takes a row out of the queue: at once if it waits, else when its batch is done.
func (w *Worker) forget(j *job) {
	w.queue.Cancel(j.ticket)
	delete(w.jobs, j.id)
}

// rest notes that a draining worker has nothing left to do.
func (w *Worker) rest() {
	if w.draining && len(w.jobs) == 0 {
		select {
		case <-w.idle:
		default:
			close(w.idle)
		}
	}
}

// load is the rows at the worker.
func (w *Worker) load() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.Len()
}

// drain refuses new rows from now on. The channel that it returns is closed when those that
// are here have ended.
func (w *Worker) drain() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	w.queue.Drain()
	w.rest()
	return w.idle
}

// close cancels what is running, waits for it and closes the stages.
func (w *Worker) close() error {
	w.mu.Lock()
	w.closed = true
	w.timer.Stop()
	w.mu.Unlock()
	w.cancel()
	w.running.Wait()
	w.mu.Lock()
	for _, j := range w.jobs { // those that wait
		j.err = errClosed
		w.settle(j)
	}
	w.mu.Unlock()
	return w.stages.Close()
}
