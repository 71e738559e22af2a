package serflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/internal/exhausted"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// atOnce is how many rows of one batch are under way at one time.
const atOnce = 256

// rented answers the rows of a batch, each of which is a request of its own. The error is
// that of the first row that has one. A panic of the observer reaches the caller.
func (p *Pipeline) rented(ctx context.Context, rows int, batch []stage.Tensor) (results []Result, err error) {
	results = make([]Result, rows)
	if rows == 1 {
		results[0] = p.rentedRow(ctx, batch)
		return results, results[0].Err
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	panics := make([]any, rows)
	for i := range rows {
		g.Go(func() error {
			defer func() { panics[i] = recover() }()
			results[i] = p.rentedRow(ctx, stage.Take(batch, []int{i}))
			return nil
		})
	}
	_ = g.Wait() // no row returns an error
	for i, r := range results {
		if panics[i] != nil {
			panic(panics[i])
		}
		if err == nil {
			err = r.Err
		}
	}
	return results, err
}

func (p *Pipeline) rentedRow(ctx context.Context, row []stage.Tensor) Result {
	begun, own := time.Now(), copied(row)
	exits, checked := p.exits.admit(1)
	r, seen := p.cloud.infer(ctx, own, exits)
	exit := ""
	if r.Err == nil {
		exit = p.model.Stages[r.Exit].Name
		p.recorder.answered(r.Exit, time.Since(begun))
		switch {
		case checked == nil:
		case exits.asked != nil:
			p.exits.sampled(1)
			p.exits.observe(exits, seen)
		default:
			p.rentedShadow(checked.shadow, own)
		}
	}
	p.exits.ended(exits, r.Exit, time.Since(begun), r.Err)
	p.recorder.request(r.Err)
	p.observer.RequestDone(ctx, RequestEvent{exit, time.Since(begun), r.Err})
	return r
}

// finish is the result of a request whose machine has finished.
func (d *drive) finish(ctx context.Context, step balancer.Step) Result {
	if step.Err != nil {
		d.result.Exit, d.result.Class = -1, -1
		d.result.Err = d.explain(ctx, step.Err)
	}
	return d.result
}

// explain says where a request failed and what to do about it.
func (d *drive) explain(ctx context.Context, err error) error {
	e := &Error{Stage: d.model.Stages[d.stage].Name, Group: d.groupAt(d.stage), Provider: d.providers(), Err: err}
	if d.last != nil {
		e.Group, e.Provider = d.last.group.Group, d.last.provider
	}
	switch {
	case ctx.Err() != nil:
		e.Remedy, e.Err = ended(ctx)
	case errors.Is(err, balancer.ErrShed):
		e.Remedy = "allow more time, send less at once, rent more, or add a function group that takes over"
	case errors.Is(err, balancer.ErrDeadline):
		e.Remedy, e.Err = "allow more time, exit earlier or rent more", fmt.Errorf("%w: %w", ErrDeadline, context.DeadlineExceeded)
		if err != balancer.ErrDeadline {
			e.Err = because(e.Err, err)
		}
	case errors.Is(err, balancer.ErrFull):
		e.Remedy, e.Err = "all places were full, draining or throttled: rent more, send less at once, or ask for a higher limit", fmt.Errorf("%w: %w", ErrCapacity, err)
	case errors.Is(err, ErrInput):
		e.Remedy = sendInput
	case errors.Is(err, ErrThrottled):
		e.Remedy = "ask the provider for a higher limit of calls at once, or rent more VMs"
	case errors.Is(err, ErrCapacity):
		e.Remedy = "no VM or function serves the stage now: rent more, or add a function group that takes over"
	case errors.Is(err, remote.ErrRefused):
		e.Remedy, e.Err = "all places were full or draining: rent more, or send less at once", fmt.Errorf("%w: %w", ErrCapacity, err)
	case mismatch(err):
		e.Remedy = "deploy the program of this service to what it rents"
	case errors.Is(err, ErrStage):
		e.Remedy = "mend the stage: its runner returned this error, or panicked"
	default:
		e.Remedy = "the places themselves failed: their logs say why"
	}
	if exhausted.Is(e.Err) {
		e.Remedy = "this process has used up its open files, ports or memory: raise its limits (ulimit -n, the range of local ports), or send less at once"
	}
	return e
}

// bill adds what has been rented to the stats.
func (c *cloud) bill(s *Stats) {
	s.Groups = c.count.snapshot()
	for _, g := range s.Groups {
		if g.Kind == "function" {
			s.FunctionDollars += g.Dollars
		}
	}
	if c.fleet == nil {
		return
	}
	vms, dollars, _ := c.fleet.status()
	s.VMDollars = dollars
	for _, vm := range vms {
		s.VMs = append(s.VMs, VMStats{ID: vm.ID, Group: c.groupName(vm.Key.Stages), Offer: vm.Key.Offer, State: vm.State.String()})
	}
}
