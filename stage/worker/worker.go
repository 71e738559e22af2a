package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// worker takes rows through the stages of a model. It is safe for concurrent use.
type worker struct {
	stages      *compute.Stages
	fingerprint string
	setup       atomic.Pointer[launch.Setup]
	share       float64              // of a core, that a slot may use
	cpu         func() time.Duration // that this process has used
	peak        func() int64         // of its memory
	begun       time.Time

	ctx     context.Context // of batches; over when the worker is closed
	cancel  context.CancelFunc
	running sync.WaitGroup
	slots   []slot // each is its batch's alone, from Next to Done

	mu       sync.Mutex
	queue    *queue.Queue
	jobs     map[uint64]*job // by row ID
	next     uint64          // row ID
	timer    *time.Timer
	woken    time.Duration // when the timer goes off
	back     []queue.Row   // scratch
	draining bool
	closed   bool
	idle     chan struct{} // closed when draining and no row is left
}

// slot is what a batch in service needs.
type slot struct {
	jobs    []*job
	samples [][]stage.Tensor
	exited  []bool
	owed    time.Duration // rest: see pace
	run     run           // for those who ask how the worker is
}

// limit is how many rows a worker takes in by default.
const limit = 1024

// What no owner can mean: a setup that asks for more is damaged.
const (
	mostSlots  = 1 << 12        // more than any machine has cores
	mostWindow = time.Minute    // for which a row waits while a slot is free
	mostTime   = 24 * time.Hour // that a batch takes
	leastShare = 0.001          // of a core
)

// errClosed is what a closed worker answers.
var errClosed = errors.New("the worker is closed")

// open opens a model's stages to serve as the setup says.
func open(ctx context.Context, model stage.Model, setup launch.Setup, share float64) (*worker, error) {
	if !(share > 0 && share < 1) {
		share = 1
	}
	share = max(share, leastShare)
	fingerprint, err := model.Fingerprint()
	if err != nil {
		return nil, err
	}
	if err := checkSetup(setup, len(model.Stages)); err != nil {
		return nil, err
	}
	q, err := queue.New(queueConfig(setup, len(model.Stages)))
	if err != nil {
		return nil, err
	}
	stages, err := compute.Open(ctx, model, blame)
	if err != nil {
		return nil, err
	}
	w := &worker{
		stages: stages, fingerprint: fingerprint, share: share, cpu: cpuTime, peak: peakMemory, begun: time.Now(), woken: queue.Never,
		queue: q, jobs: map[uint64]*job{}, slots: make([]slot, max(setup.Slots, 1)), idle: make(chan struct{}),
	}
	w.setup.Store(&setup)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.timer = time.AfterFunc(time.Hour, w.wake)
	return w, nil
}

// queueConfig is a setup's settings of the queue.
func queueConfig(s launch.Setup, stages int) queue.Config {
	return queue.Config{
		Stages: stages, Slots: s.Slots, MaxBatch: s.MaxBatch, Window: s.Window, Limit: cmp.Or(s.Limit, limit), Need: s.Need, Least: s.Least, Rest: s.Rest, Curve: s.Curve,
	}
}

// set has the worker serve other stages, with other settings of the queue: it holds the whole model. Rows that
// are here go on as their requests said. What has to do with the worker's life stays as it was at its launch.
func (w *worker) set(setup launch.Setup) error {
	stages := len(w.stages.Model.Stages)
	if err := checkSetup(setup, stages); err != nil {
		return err
	}
	w.mu.Lock()
	if err := w.queue.Set(queueConfig(setup, stages)); err != nil {
		w.mu.Unlock()
		return err
	}
	first := w.setup.Load()
	setup.Credential, setup.Orphan, setup.MaxAge = first.Credential, first.Orphan, first.MaxAge
	w.setup.Store(&setup)
	due := w.pump(w.now())
	w.mu.Unlock()
	w.work(due, nil)
	return nil
}

// checkSetup finds what cannot be meant; the queue checks the rest.
func checkSetup(s launch.Setup, stages int) error {
	switch {
	case s.Stages.First < 0 || s.Stages.Len() < 1 || s.Stages.Last >= stages:
		return fmt.Errorf("the worker is set up for %v of a model of %d: deploy the program that rents it", s.Stages, stages)
	case s.Slots > mostSlots:
		return fmt.Errorf("the worker is set up for %d batches at once: at most %d are possible", s.Slots, mostSlots)
	case s.Window > mostWindow:
		return fmt.Errorf("the worker is set up to have rows wait %v for company: at most %v are possible", s.Window, mostWindow)
	case slices.ContainsFunc(s.Curve, func(c []time.Duration) bool { return len(c) > 0 && slices.Max(c) > mostTime }):
		return fmt.Errorf("the worker is set up for batches of more than %v: measure what they take", mostTime)
	case s.Orphan < 0 || s.MaxAge < 0 || s.Stuck < 0:
		return fmt.Errorf("the worker is set up to end after %v without its owner and at the age of %v, and to take a stage for stuck after %v: none can be negative", s.Orphan, s.MaxAge, s.Stuck)
	}
	return nil
}

func blame(stage, remedy string, err error) error {
	switch {
	case stage == "":
		return err
	case remedy == "":
		return fmt.Errorf("stage %q: %w", stage, err)
	}
	return fmt.Errorf("stage %q: %w (%s)", stage, err, remedy)
}

func (w *worker) now() time.Duration { return time.Since(w.begun) }

// serve takes the rows of a call through the stages up to last, and returns when each has
// exited, failed or been handed back, or the caller has gone: then with the context's error.
func (w *worker) serve(c *call, last int, deadline time.Duration) error {
	first, err := w.enter(c, last, deadline)
	if err != nil {
		return err
	}
	w.work(first, c)
	select {
	case <-c.done:
		return nil
	default:
	}
	select {
	case <-c.done:
		return nil
	case <-c.ctx.Done():
	case <-w.ctx.Done():
	}
	w.abandon(c)
	if w.ctx.Err() != nil {
		return errClosed
	}
	return c.ctx.Err()
}

// enter puts the rows of a call into the queue: all or none.
func (w *worker) enter(c *call, last int, deadline time.Duration) (due []queue.Batch, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	now := w.now()
	for i := range c.jobs {
		j := &c.jobs[i]
		w.next++
		j.id = w.next
		if j.ticket, err = w.queue.Enqueue(now, queue.Row{ID: j.id, Stage: c.first, Last: last, Deadline: deadline, Keep: c.keep, Idle: c.idle}); err != nil {
			for i := range c.jobs[:i] {
				w.forget(&c.jobs[i])
			}
			return nil, err
		}
		w.jobs[j.id] = j
	}
	return w.pump(now), nil
}

// pump hands back the rows that are late and returns the batches that are to run now.
func (w *worker) pump(now time.Duration) (due []queue.Batch) {
	w.back = w.queue.Late(now, w.back[:0])
	w.handBack()
	if w.closed {
		return nil
	}
	for b, ok := w.queue.Next(now); ok; b, ok = w.queue.Next(now) {
		w.running.Add(1)
		s := &w.slots[b.Slot]
		s.jobs = s.jobs[:0]
		for _, row := range b.Rows {
			s.jobs = append(s.jobs, w.jobs[row.ID])
		}
		due = append(due, b)
	}
	if wake := w.queue.Wake(); wake < w.woken {
		w.woken = wake
		w.timer.Reset(wake - now)
	}
	return due
}

// wake is called when the queue wants to be looked at.
func (w *worker) wake() {
	w.mu.Lock()
	w.woken = queue.Never
	due := w.pump(w.now())
	w.mu.Unlock()
	w.work(due, nil)
}

// work runs batches, and those that follow from them: here as long as rows of the call are
// among them, the others on goroutines of their own.
func (w *worker) work(due []queue.Batch, mine *call) {
	for len(due) > 0 {
		here := slices.IndexFunc(due, func(b queue.Batch) bool { return w.among(b, mine) })
		for i, b := range due {
			if i != here {
				go w.follow(b)
			}
		}
		if here < 0 {
			return
		}
		due = w.run(due[here])
	}
}

// follow runs a batch and those that follow from it.
func (w *worker) follow(b queue.Batch) {
	for due := w.run(b); len(due) > 0; due = w.run(due[0]) {
		for _, other := range due[1:] {
			go w.follow(other)
		}
	}
}

// among tells whether a batch has a row of the call.
func (w *worker) among(b queue.Batch, c *call) bool {
	return slices.ContainsFunc(w.slots[b.Slot].jobs, func(j *job) bool { return j.call == c })
}
