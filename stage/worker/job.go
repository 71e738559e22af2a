package worker

import (
	"context"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// call is a request at the worker: some rows that entered together.
type call struct {
	ctx   context.Context
	first int           // the stage they enter at
	exits []exit.Policy // of the stages from there on
	asked []exit.Policy // what these are asked beside; nil for nothing
	jobs  []job
	keep  bool          // its rows are not handed back while they can be in time here
	idle  bool          // its rows run when no others wait
	left  int           // jobs that have not ended
	done  chan struct{} // closed when none is left
	one   [1]job        // jobs' memory for a single row
}

// job is one row of a call. The slot that runs it writes what the stages made of it;
// everything else is guarded by the worker's lock.
type job struct {
	*call
	id      uint64
	ticket  queue.Ticket
	sample  []stage.Tensor // the inputs of its next stage, without a batch dimension
	state   exit.State
	classes int64 // of the exits that it has met
	service time.Duration
	times   []time.Duration // the parts of service, by stage that ran
	apart   bool            // a stage did not run on all rows of the call, and no others, as one batch

	err      error
	exited   bool
	stage    int // whose exit answered, or the next to run
	decision exit.Decision
	seen     []wire.Seen    // what the exits said that were asked beside
	answer   []stage.Tensor // of one sample
}

// policy is the exit of a stage, as the request has it.
func (j *job) policy(k int) exit.Policy { return j.exits[k-j.first] }

// newCall splits a batch into its rows.
func newCall(ctx context.Context, first int, exits []exit.Policy, states []exit.State, rows int, inputs []stage.Tensor) *call {
	c := &call{ctx: ctx, first: first, exits: exits, left: rows, done: make(chan struct{})}
	if c.jobs = c.one[:]; rows > 1 {
		c.jobs = make([]job, rows)
	}
	samples := samplesOf(inputs, rows)
	for i := range c.jobs {
		j := &c.jobs[i]
		j.call, j.stage, j.sample = c, first, samples[i*len(inputs):(i+1)*len(inputs)]
		if len(states) > 0 {
			j.state = states[i]
		}
	}
	return c
}

// samplesOf is the rows of a batch, one after the other. They share its memory.
func samplesOf(inputs []stage.Tensor, rows int) []stage.Tensor {
	samples := make([]stage.Tensor, rows*len(inputs))
	for n, t := range inputs {
		if rows == 1 { // all of the tensor's data is the row's
			t.Shape = t.Shape[1:]
			samples[n] = t
			continue
		}
		for i, row := range stage.Split(t) {
			samples[i*len(inputs)+n] = row
		}
	}
	return samples
}
