package serflow

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// drive is the way of one request: its machine, and what the machine does not see.
type drive struct {
	*cloud
	machine  balancer.Request
	inputs   []stage.Tensor // a batch of one row, of the stage that is next
	state    exit.State
	stage    int
	attempts chan attempt
	over     chan struct{} // closed when the request has ended
	cancel   context.CancelFunc
	sent     time.Time // the last attempt
	last     *place    // that was asked last
	result   Result
}

// infer answers one request: a batch of one row.
func (c *cloud) infer(ctx context.Context, batch []stage.Tensor) Result {
	now := c.now()
	deadline := balancer.Never
	if c.slo > 0 {
		deadline = now + c.slo
	}
	if at, ok := ctx.Deadline(); ok {
		deadline = min(deadline, at.Sub(c.begun))
	}
	d := &drive{
		cloud: c, inputs: copied(batch), result: unanswered, attempts: make(chan attempt, 1), over: make(chan struct{}),
		machine: balancer.NewRequest(c.balancer, 0, c.rules, deadline),
	}
	defer close(d.over)
	step := d.machine.Start(now, rand.Uint64())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if step.Cancel > 0 {
			d.giveUp(ctx)
		}
		if step.Finish {
			return d.finish(ctx, step)
		}
		if step.Send {
			d.start(ctx, step)
		}
		timer.Reset(min(d.machine.Wake()-c.now(), balancer.Never/2))
		select {
		case a := <-d.attempts:
			step = d.take(a)
		case <-timer.C:
			step = d.machine.Tick(c.now(), rand.Uint64())
		case <-ctx.Done():
			step = d.machine.GiveUp(ctx.Err())
		}
	}
}

// copied is a batch in memory of our own: an attempt that was given up may read it when the
// caller has it back.
func copied(batch []stage.Tensor) []stage.Tensor {
	own := slices.Clone(batch)
	for i := range own {
		own[i].Data = bytes.Clone(own[i].Data)
	}
	return own
}

// giveUp cancels an attempt that has not come back, and has its place looked after.
func (d *drive) giveUp(ctx context.Context) {
	p, took := d.last, time.Since(d.sent)
	d.stopAttempt()
	if p == nil {
		return
	}
	err := ctx.Err()
	if err == nil {
		err = fmt.Errorf("no reply within %v", took.Round(time.Millisecond))
		d.doubt(p)
	}
	d.hop(p, attempt{took: took, reply: balancer.Reply{Outcome: balancer.Failed, Err: err}})
}

func (d *drive) stopAttempt() {
	if d.cancel != nil {
		d.cancel()
		d.cancel = nil
	}
}

// hop adds a visit to the request's path.
func (d *drive) hop(p *place, a attempt) {
	d.result.Path = append(d.result.Path, Hop{
		Group: p.group.Group, Provider: p.provider, Kind: p.group.Kind, Place: p.name,
		First: d.stage, Last: a.lastRun(d.stage), Duration: a.took, Dollars: a.dollars, Err: a.reply.Err,
	})
	d.result.Dollars += a.dollars
}

// start sends the request to a place, on a goroutine of its own.
func (d *drive) start(ctx context.Context, step balancer.Step) {
	v, ok := d.places.Load(step.Place.ID())
	if !ok { // it has just left: its attempt fails at once
		d.last = nil
		d.work.Go(func() {
			d.arrive(attempt{number: step.Attempt, reply: balancer.Reply{Outcome: balancer.Failed, Err: errGone}})
		})
		return
	}
	p := v.(*place)
	d.last, d.sent = p, time.Now()
	r := remote.Request{
		Generation: d.machine.Generation(), Stages: stage.Range{First: step.Stage, Last: p.stages.Last},
		Exits: d.exits[step.Stage : p.stages.Last+1], States: []exit.State{d.state}, Inputs: d.inputs,
	}
	if step.Remaining < balancer.Never { // at the place: some of it goes by on the way there and back
		r.Remaining = max(step.Remaining-p.travel, 1)
	}
	ctx, d.cancel = context.WithCancel(ctx)
	d.work.Go(func() {
		a := d.send(ctx, p, r)
		a.number = step.Attempt
		d.arrive(a)
	})
}

// arrive hands an attempt to the request, if it has not ended.
func (d *drive) arrive(a attempt) {
	select {
	case d.attempts <- a:
	case <-d.over:
	}
}

// take tells the machine what an attempt came to, unless it was given up before.
func (d *drive) take(a attempt) balancer.Step {
	step := d.machine.Reply(d.now(), a.number, a.reply, rand.Uint64())
	if step == (balancer.Step{}) {
		return step
	}
	d.stopAttempt()
	if a.place != nil {
		d.hop(a.place, a)
	}
	switch {
	case a.reply.Outcome == balancer.Exited && step.Finish && step.Err == nil:
		d.answer(a)
	case a.reply.Outcome == balancer.Passed && a.reply.Stage > d.stage:
		d.stage, d.inputs, d.state = a.reply.Stage, a.part.Outputs, exit.State{}
		if len(a.part.States) > 0 {
			d.state = a.part.States[0]
		}
	}
	return step
}

// lastRun is the last stage that ran in an attempt that began with first; first-1 if none
// did.
func (a *attempt) lastRun(first int) int {
	switch a.reply.Outcome {
	case balancer.Exited:
		return a.reply.Stage
	case balancer.Passed:
		return a.reply.Stage - 1
	}
	return first - 1
}

func (d *drive) answer(a attempt) {
	d.result.Exit, d.result.Class, d.result.Confidence = a.part.Stage, a.part.Class[0], a.part.Confidence[0]
	for _, t := range a.part.Outputs {
		d.result.outputs = append(d.result.outputs, stage.Row(t, 0))
	}
}
