package simulate

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// Audit runs a scenario and then looks for anything that was lost or used twice. Spent is
// what the fleet has counted for VMs, once the launches that were still to be answered at the
// end are: until then it cannot know what has come of them. It is for tests.
func Audit(ctx context.Context, s Scenario) (res Result, spent float64, err error) {
	r, err := newRun(s)
	if err != nil {
		return Result{}, 0, err
	}
	if err := r.loop(ctx); err != nil {
		return Result{}, 0, err
	}
	if err := r.audit(); err != nil {
		return Result{}, 0, err
	}
	for token, came := range r.launches {
		r.fleet.Launched(r.now, token, came.vms...)
	}
	r.fleet.Tick(r.now) // bills until now
	_, spent = r.fleet.Spent()
	return r.result(), spent, nil
}

// audit checks that slots in equal slots out, and that no request is in anybody's hands.
func (r *run) audit() error {
	if r.open != 0 || len(r.free) != len(r.requests) {
		return fmt.Errorf("%d requests are under way, memory of %d of %d is free", r.open, len(r.free), len(r.requests))
	}
	for id := range r.places[1:] {
		if n := r.balancer.Serving(uint64(id + 1)); n != 0 {
			return fmt.Errorf("the balancer has %d requests at place %d", n, id+1)
		}
	}
	for _, v := range r.vms {
		if !v.ready {
			continue
		}
		begun := 0
		for _, t := range v.begun {
			if t != Never {
				begun++
			}
		}
		if waiting, busy := v.queue.Load(); waiting != 0 || busy != begun {
			return fmt.Errorf("%s: %d rows wait, %d slots are busy, %d have begun", v.id, waiting, busy, begun)
		}
	}
	return nil
}

// RunQueues runs a scenario whose VMs are there from the start, with their queues' settings changed.
func RunQueues(ctx context.Context, s Scenario, change func(*queue.Config)) (Result, error) {
	r, err := newRun(s)
	if err != nil {
		return Result{}, err
	}
	for _, v := range r.vms {
		c := v.group.config
		change(&c)
		if v.queue, err = queue.New(c); err != nil {
			return Result{}, err
		}
	}
	if err := r.loop(ctx); err != nil {
		return Result{}, err
	}
	return r.result(), nil
}
