package serflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// makeFunctions makes the plan's functions and calls each once, all at one time.
func (c *cloud) makeFunctions(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, group := range c.plan.Functions {
		g.Go(func() error { return c.ensure(ctx, group) })
	}
	return g.Wait()
}

// ensure makes a group's function, and lets the balancer know it once it has answered.
func (c *cloud) ensure(ctx context.Context, g provisioner.FunctionGroup) error {
	name := c.groupName(g.Stages)
	setup := launch.Setup{Stages: g.Stages, Credential: c.secret}
	f, err := c.functions.Ensure(ctx, providers.FunctionSpec{Owner: c.owner, Offer: g.Offer, Stages: g.Stages, Artifact: c.artifacts[1], Setup: setup.String()})
	if err != nil {
		return c.failed(ctx, g, "see why the provider did not make the function", err)
	}
	c.log.Info("function", "id", f.ID, "group", name)
	p := &place{
		name: f.ID, kind: balancer.Function, provider: c.functions.Name(), offer: g.Offer.Name, stages: g.Stages,
		group: c.count.group(name, balancer.Function), function: g.Offer,
	}
	if err := c.warm(ctx, p, g); err != nil {
		return err
	}
	warm := c.warmUp(ctx, p, c.warmth(g))
	m := c.functionMember(g)
	m.Warm = c.warmth(g)
	if err := c.join(p, m); err != nil {
		return err
	}
	c.balancer.Warmed(c.now(), p.id, warm)
	return nil
}

func (c *cloud) functionMember(g provisioner.FunctionGroup) balancer.Member {
	m := c.expected().Function(g)
	m.Supposed = c.supposed[g.Offer.Name]
	return m
}

// failed is the error of a function that cannot be had.
func (c *cloud) failed(ctx context.Context, g provisioner.FunctionGroup, remedy string, err error) error {
	if ctx.Err() != nil {
		var why error
		remedy, why = ended(ctx)
		err = because(why, err)
	}
	return &Error{Stage: c.model.Stages[g.Stages.First].Name, Group: c.groupName(g.Stages), Provider: c.functions.Name(), Err: err, Remedy: remedy}
}

// How a function is tried before it is given requests.
const (
	warmTries = 3               // that fail; throttled ones do not count
	warmTime  = 2 * time.Minute // for one try, beside the cold start that the plan supposes
	warmPause = 200 * time.Millisecond
)

// warm calls a function until it answers, so that it is there, and has our model, before
// requests are sent to it.
func (c *cloud) warm(ctx context.Context, p *place, g provisioner.FunctionGroup) error {
	for tries, pause := 0, warmPause; ; pause = min(2*pause, 5*time.Second) {
		err := c.try(ctx, p, g.Cold+warmTime)
		switch {
		case err == nil:
			return nil
		case mismatch(err):
			return c.failed(ctx, g, "deploy the program of this service as the function's artifact", err)
		case !errors.Is(err, providers.ErrThrottled):
			tries++
		}
		if tries == warmTries || errors.Is(err, providers.ErrInvalid) || errors.Is(err, providers.ErrNotFound) || !sleep(ctx, pause) {
			return c.failed(ctx, g, "see the function's log, and whether its artifact calls worker.Main first", err)
		}
	}
}

// try calls a function for nothing, and notes how long an instance of it took to start.
func (c *cloud) try(ctx context.Context, p *place, limit time.Duration) error {
	a, err := c.ping(ctx, p, limit, 0)
	if a.cold > 0 {
		p.colds = append(p.colds, a.cold)
	}
	return err
}

// ping asks a function for a stage that no model has, and to take so long over it: a worker checks the fingerprint and
// then refuses the range, without having run anything.
func (c *cloud) ping(ctx context.Context, p *place, limit, hold time.Duration) (a attempt, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n := len(c.model.Stages)
	_, err = c.invoke(ctx, p, remote.Request{
		Stages: stage.Range{First: n, Last: n}, Inputs: []stage.Tensor{stage.Of(launch.HoldInput, []int64{1}, []int64{int64(hold)})},
	}, &a)
	p.group.pay(a.dollars)
	switch {
	case err == nil:
		err = fmt.Errorf("%w: it computed a stage that the model has not", remote.ErrProtocol)
	case errors.Is(err, stage.ErrInput):
		err = nil
	}
	return a, err
}

// longestCall is what is waited for the answer of a function that nobody needs any more: no
// cloud of ours lets a call run longer.
const longestCall = 15 * time.Minute

// invoke calls a function. It adds to the attempt what that cost.
func (c *cloud) invoke(ctx context.Context, p *place, r remote.Request, a *attempt) (remote.Reply, error) {
	r.Fingerprint = c.fingerprint
	return remote.Over(ctx, r, func(ctx context.Context, body []byte) ([]byte, error) {
		inv, err := c.functions.Invoke(ctx, p.name, body)
		if inv.Billed > 0 || err == nil {
			a.dollars = p.function.Cost(inv.Billed)
			a.billed, a.cold = inv.Billed-inv.Cold, inv.Cold
		}
		return inv.Body, err
	})
}

// remake makes a function again that is no more, as when another program with the same owner has
// removed it. Until then nothing is sent there.
func (c *cloud) remake(p *place) {
	if _, there := c.places.LoadAndDelete(p.key()); !there {
		return // somebody does already
	}
	c.balancer.Leave(p.id)
	g, ok := c.layout.Load().functionOf(p)
	if !ok {
		return
	}
	c.log.Warn("the function is gone, and is made again: does another program have the same owner name?", "function", p.name, "group", p.group.Group)
	c.work.Go(func() {
		for pause := time.Second; ; pause = min(2*pause, time.Minute) {
			err := c.ensure(c.ctx, g)
			if c.ctx.Err() != nil {
				return
			}
			if c.blame("function", err); err == nil {
				return
			}
			c.log.Warn("function", "error", err)
			if !sleep(c.ctx, pause) {
				return
			}
		}
	})
}

// sweep removes functions under our tag that no plan in force has, such as those of a predecessor.
func (c *cloud) sweep(ctx context.Context) error {
	var ours []string
	c.places.Range(func(_, v any) bool {
		if p := v.(*place); p.kind == balancer.Function {
			ours = append(ours, p.name)
		}
		return true
	})
	list, err := c.functions.List(ctx, c.owner)
	for _, f := range list {
		if !slices.Contains(ours, f.ID) {
			c.log.Info("removing", "function", f.ID)
			err = errors.Join(err, c.functions.Remove(ctx, f.ID))
		}
	}
	return err
}
