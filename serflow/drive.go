package serflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/exit"
	accuracy "github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// drive is the way of one request: its machine, and what the machine does not see.
type drive struct {
	*cloud
	machine  balancer.Request
	exits    *exitSet
	idle     bool           // nobody waits for it
	inputs   []stage.Tensor // a batch of one row, of the stage that is next
	state    exit.State
	stage    int
	attempts chan attempt
	over     chan struct{} // closed when the request has ended
	visits   []visit       // under way
	last     *place        // that was asked last
	seen     []accuracy.Seen
	result   Result
}

// visit is an attempt that is under way.
type visit struct {
	number uint32
	place  *place // nil if it had left
	sent   time.Time
	stage  int // that it began with
	cancel context.CancelFunc
}

// infer answers one request: a batch of one row, in memory of its own. Seen is what the exits
// said that it has passed, if they are to be asked.
func (c *cloud) infer(ctx context.Context, batch []stage.Tensor, exits *exitSet) (r Result, seen []accuracy.Seen) {
	now := c.now()
	deadline := balancer.Never
	if c.slo > 0 {
		deadline = now + c.slo
	}
	if at, ok := ctx.Deadline(); ok {
		deadline = min(deadline, at.Sub(c.begun))
	}
	d := &drive{cloud: c, exits: exits, inputs: batch, machine: balancer.NewRequest(c.balancer, 0, c.rulesFor(ctx, now), deadline)}
	r = d.run(ctx)
	c.scaler.ends(c.now(), max(d.stage, r.Exit))
	return r, d.seen
}

// inShadow is infer for a request that nobody waits for.
func (c *cloud) inShadow(ctx context.Context, batch []stage.Tensor, exits *exitSet) (r Result, seen []accuracy.Seen) {
	rules := c.rules
	rules.Idle = true
	d := &drive{cloud: c, exits: exits, idle: true, inputs: batch, machine: balancer.NewRequest(c.balancer, 0, rules, balancer.Never)}
	return d.run(ctx), d.seen
}

// run drives the machine until the request has ended.
func (d *drive) run(ctx context.Context) Result {
	d.result, d.attempts, d.over = unanswered, make(chan attempt, 2), make(chan struct{})
	defer close(d.over)
	step := d.machine.Start(d.now(), rand.Uint64())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for _, number := range step.Cancel {
			d.giveUp(ctx, number)
		}
		if step.Finish {
			return d.finish(ctx, step)
		}
		if step.Send {
			d.cloud.scaler.sends(d.now(), step)
			d.start(ctx, step)
		}
		timer.Reset(min(d.machine.Wake()-d.now(), balancer.Never/2))
		select {
		case a := <-d.attempts:
			step = d.take(a)
		case <-timer.C:
			step = d.machine.Tick(d.now(), rand.Uint64())
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

// giveUp cancels an attempt that has not come back. If that is not because another has, its
// place is looked after.
func (d *drive) giveUp(ctx context.Context, number uint32) {
	f, ok := d.land(number)
	if !ok || f.place == nil {
		return
	}
	took, err := time.Since(f.sent), ctx.Err()
	switch {
	case err != nil:
	case d.result.Exit >= 0 || f.stage != d.stage:
		err = errOvertaken
	default:
		err = fmt.Errorf("no reply within %v", took.Round(time.Millisecond))
		d.doubt(f.place)
	}
	d.hop(f.place, f.stage, attempt{took: took, reply: balancer.Reply{Outcome: balancer.Failed, Err: err}})
}

// errOvertaken is what became of an attempt that was sent beside another and came second.
var errOvertaken = errors.New("another place was faster")

// land takes an attempt from those that are under way, and frees what it holds; ok is false if
// it is none of them.
func (d *drive) land(number uint32) (f visit, ok bool) {
	i := slices.IndexFunc(d.visits, func(f visit) bool { return f.number == number })
	if i < 0 {
		return f, false
	}
	f = d.visits[i]
	d.visits = slices.Delete(d.visits, i, i+1)
	f.cancel()
	return f, true
}

// hop adds a visit to the request's path.
func (d *drive) hop(p *place, first int, a attempt) {
	d.result.Path = append(d.result.Path, Hop{
		Group: p.group.Group, Provider: p.provider, Kind: p.group.Kind, Place: p.name,
		First: first, Last: a.lastRun(first), Duration: a.took, Dollars: a.dollars, Err: a.reply.Err,
	})
	d.result.Dollars += a.dollars
}

// start sends the request to a place, on a goroutine of its own.
func (d *drive) start(ctx context.Context, step balancer.Step) {
	ctx, cancel := context.WithCancel(ctx)
	f := visit{number: step.Attempt, sent: time.Now(), stage: step.Stage, cancel: cancel}
	v, ok := d.places.Load(placeKey{step.Place.ID(), step.Place.Stages()})
	if !ok { // it has just left: its attempt fails at once
		d.last = nil
		d.visits = append(d.visits, f)
		d.work.Go(func() {
			d.arrive(attempt{number: f.number, reply: balancer.Reply{Outcome: balancer.Failed, Err: errGone}})
		})
		return
	}
	p := v.(*place)
	f.place, d.last = p, p
	d.visits = append(d.visits, f)
	r := remote.Request{
		Generation: d.machine.Generation(), Stages: stage.Range{First: step.Stage, Last: p.stages.Last},
		Exits: d.exits.policies[step.Stage : p.stages.Last+1], States: []exit.State{d.state}, Inputs: d.inputs, Idle: d.idle,
	}
	if d.exits.asked != nil {
		r.Asked = d.exits.asked[step.Stage : p.stages.Last+1]
	}
	if step.Remaining < balancer.Never { // at the place: some of it goes by on the way there and back
		r.Remaining, r.Keep = max(step.Remaining-p.travel, 1), step.Keep
	}
	d.work.Go(func() {
		a := d.send(ctx, p, r)
		a.number = f.number
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
	f, ok := d.land(a.number)
	if !ok {
		return balancer.Step{}
	}
	step := d.machine.Reply(d.now(), a.number, a.reply, rand.Uint64())
	if f.place != nil {
		d.hop(f.place, f.stage, a)
	}
	switch {
	case a.reply.Outcome == balancer.Exited && step.Finish && step.Err == nil:
		d.answer(a)
		d.hear(a)
	case a.reply.Outcome == balancer.Passed && a.reply.Stage > d.stage:
		d.hear(a)
		d.stage, d.inputs, d.state = a.reply.Stage, a.part.Outputs, exit.State{}
		if len(a.part.States) > 0 {
			d.state = a.part.States[0]
		}
	}
	return step
}

// hear keeps what exits have said on a part of the way.
func (d *drive) hear(a attempt) {
	for _, s := range a.seen {
		d.seen = append(d.seen, accuracy.Seen(s))
	}
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
