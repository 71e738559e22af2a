package serflow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// cloud is what a pipeline that rents serves with: the decision core's machines, driven by
// real time. Requests drive their machine and the balancer on their own goroutines
// (drive.go), the fleet has one of its own (fleet.go), and so has each VM (watch.go).
type cloud struct {
	rental
	model       stage.Model
	exits       []exit.Policy
	fingerprint string
	credential  string
	expect      provisioner.Expect
	rules       balancer.Rules
	balancer    *balancer.Balancer
	begun       time.Time
	count       *counts

	ctx  context.Context // over when the pipeline is closed
	stop context.CancelFunc
	work sync.WaitGroup // all goroutines

	fleet  *fleet // nil without VMs
	next   atomic.Uint64
	places sync.Map      // *place by the balancer's ID
	joined chan struct{} // has a value when a place has joined
}

func wholeModel(stages int) stage.Range { return stage.Range{Last: stages - 1} }

// openCloud rents what the plan says, and returns once every stage is served.
func openCloud(ctx context.Context, model stage.Model, r rental) (*cloud, error) {
	if err := model.Validate(); err != nil {
		return nil, &Error{Err: err}
	}
	fingerprint, err := model.Fingerprint()
	if err != nil {
		return nil, &Error{Err: err}
	}
	n := len(model.Stages)
	if err := r.complete(ctx, n); err != nil {
		return nil, err
	}
	c := &cloud{
		rental: r, model: model, fingerprint: fingerprint, credential: rand.Text(), begun: time.Now(),
		expect:   provisioner.Expect{Plan: *r.plan, Times: r.times, Network: r.network},
		rules:    balancer.Rules{Stages: n, Floor: shortest(r.slo)},
		balancer: balancer.New(), count: newCounts(model), joined: make(chan struct{}, 1),
	}
	for _, s := range model.Stages {
		c.exits = append(c.exits, s.Exit)
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.balancer.Publish(r.plan.Generation)
	if err := c.rent(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// shortest is the time that a place gets at least before a request is sent elsewhere: a
// machine or a network that stalls for a moment is not lost. There must be time for another.
func shortest(slo time.Duration) time.Duration {
	if slo == 0 {
		return time.Second
	}
	return min(max(slo/4, 20*time.Millisecond), time.Second)
}

func (c *cloud) now() time.Duration { return time.Since(c.begun) }

// rent makes the functions, starts the fleet and waits until every stage is served.
func (c *cloud) rent(ctx context.Context) error {
	for _, g := range c.plan.Functions {
		if err := c.ensure(ctx, g); err != nil {
			return err
		}
	}
	if c.vms != nil {
		if err := c.startFleet(); err != nil {
			return err
		}
	}
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	for {
		bare := c.unserved()
		if bare < 0 {
			return nil
		}
		select {
		case <-c.joined:
		case <-progress.C:
			c.log.Info("waiting for VMs", "stage", c.model.Stages[bare].Name, "fleet", c.fleet.summary())
		case <-ctx.Done():
			remedy, err := ended(ctx)
			return &Error{Stage: c.model.Stages[bare].Name, Err: errors.Join(err, c.fleet.trouble()), Remedy: "nothing serves the stage yet; " + remedy}
		}
	}
}

// unserved is the first stage that nothing serves; -1 if there is none.
func (c *cloud) unserved() int {
	served := make([]bool, len(c.model.Stages))
	c.places.Range(func(_, v any) bool {
		p := v.(*place)
		for s := p.stages.First; s <= p.stages.Last; s++ {
			served[s] = true
		}
		return true
	})
	return slices.Index(served, false)
}

// ensure makes a group's function, and lets the balancer know it.
func (c *cloud) ensure(ctx context.Context, g provisioner.FunctionGroup) error {
	setup := launch.Setup{Stages: g.Stages, Credential: c.credential}
	f, err := c.functions.Ensure(ctx, providers.FunctionSpec{Owner: c.owner, Offer: g.Offer, Stages: g.Stages, Artifact: c.artifacts[1], Setup: setup.String()})
	if err != nil {
		return &Error{Group: c.groupName(g.Stages), Provider: c.functions.Name(), Err: err, Remedy: "the provider did not make the function"}
	}
	p := &place{name: f.ID, kind: balancer.Function, provider: c.functions.Name(), stages: g.Stages, group: c.count.group(c.groupName(g.Stages), balancer.Function), function: g.Offer}
	return c.join(p, c.expect.Function(g))
}

// join lets the balancer pick a place.
func (c *cloud) join(p *place, m balancer.Member) error {
	if p.id == 0 {
		p.id = c.next.Add(1)
	}
	m.ID = p.id
	if err := c.balancer.Join(m, c.plan.Generation); err != nil {
		return &Error{Group: p.group.Group, Provider: p.provider, Err: err}
	}
	c.places.Store(p.id, p)
	select {
	case c.joined <- struct{}{}:
	default:
	}
	return nil
}

// groupName is how messages and results call contiguous stages.
func (c *cloud) groupName(r stage.Range) string {
	if r.Len() == 1 {
		return c.model.Stages[r.First].Name
	}
	return c.model.Stages[r.First].Name + ".." + c.model.Stages[r.Last].Name
}

// close stops all goroutines. What has been rented stays.
func (c *cloud) close() {
	c.stop()
	c.work.Wait()
}

// teardown ends all that carries the owner's tag.
func (c *cloud) teardown(ctx context.Context) error {
	var errs []error
	if c.vms != nil {
		errs = append(errs, c.endVMs(ctx))
	}
	if c.functions != nil {
		errs = append(errs, c.removeFunctions(ctx))
	}
	return errors.Join(errs...)
}

// endVMs ends VMs until none is listed: one that has just been launched may be listed late.
func (c *cloud) endVMs(ctx context.Context) error {
	for {
		list, err := c.vms.List(ctx, c.owner)
		if err != nil || len(list) == 0 {
			return c.kept(err)
		}
		for _, vm := range list {
			if err := c.vms.End(ctx, vm.ID); err != nil {
				return c.kept(fmt.Errorf("%s: %w", vm.ID, err))
			}
			c.log.Info("ended", "vm", vm.ID)
		}
	}
}

func (c *cloud) removeFunctions(ctx context.Context) error {
	list, err := c.functions.List(ctx, c.owner)
	for _, f := range list {
		if err = c.functions.Remove(ctx, f.ID); err != nil {
			err = fmt.Errorf("%s: %w", f.ID, err)
			break
		}
		c.log.Info("removed", "function", f.ID)
	}
	return c.kept(err)
}

// kept is the error of a teardown that is not complete.
func (c *cloud) kept(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Err: fmt.Errorf("teardown: %w", err), Remedy: "some of what is tagged with owner " + c.owner + " may be left, and billed: call Teardown again"}
}
