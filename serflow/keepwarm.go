package serflow

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
)

// keepWarm calls functions now and then, so that bursts of requests find instances of them, until
// the pipeline is closed.
func (c *cloud) keepWarm() {
	for {
		calls, wake := c.balancer.Warm(c.now())
		var all sync.WaitGroup
		for _, w := range calls {
			if v, ok := c.places.Load(placeKey{w.ID, w.Stages}); ok {
				all.Go(func() {
					answered := c.warmUp(c.ctx, v.(*place), w.Calls)
					c.balancer.Warmed(c.now(), w.ID, answered)
				})
			}
		}
		all.Wait()
		if !sleep(c.ctx, min(wake-c.now(), time.Minute)) { // a function may join in the meantime
			return
		}
	}
}

// warmUp calls a function so many times at once that it has as many instances. It returns how many
// calls were answered; those that were not, as where a limit is reached, are no trouble.
func (c *cloud) warmUp(ctx context.Context, p *place, calls int) int {
	var all sync.WaitGroup
	var answered atomic.Int32
	for range calls {
		all.Go(func() {
			if _, err := c.ping(ctx, p, warmTime, balancer.WarmHold); err == nil {
				answered.Add(1)
			}
		})
	}
	all.Wait()
	if n := int(answered.Load()); n < calls && ctx.Err() == nil {
		c.log.Info("not all instances that bursts may need are kept warm", "function", p.name, "wanted", calls, "answered", n)
	}
	return int(answered.Load())
}

// warmth is how many instances a group's function is to begin with: as many as one that is there needs,
// or as its plan says, or as was saved by the program before this one.
func (c *cloud) warmth(g provisioner.FunctionGroup) int {
	n := max(c.balancer.Warmth(), c.past.Warm, g.Warm)
	if g.Offer.Concurrency > 0 {
		n = min(n, g.Offer.Concurrency)
	}
	return n
}
