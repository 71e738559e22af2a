package serflow

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// cloud is what a pipeline that rents serves with: the decision core's machines, driven by
// real time. Requests drive their machine and the balancer on their own goroutines
// (drive.go), the fleet has one of its own (fleet.go), and so has each VM (watch.go).
type cloud struct {
	rental
	model       stage.Model
	fingerprint string
	secret      string // of the workers
	layout      atomic.Pointer[layout]
	rules       balancer.Rules
	balancer    *balancer.Balancer
	begun       time.Time
	count       *counts

	ctx  context.Context // over when the pipeline is closed
	stop context.CancelFunc
	work sync.WaitGroup // all goroutines

	fleet  *fleet           // nil without VMs
	scaler *scaler          // nil for a fleet that stays
	given  provisioner.Plan // that the pipeline was opened with
	past   savedState       // of an earlier run
	next   atomic.Uint64
	places sync.Map      // *place by its key
	news   chan struct{} // has a value when a place has joined, or something has gone wrong
	trouble
}

func wholeModel(stages int) stage.Range { return stage.Range{Last: stages - 1} }

// openCloud rents what the plan says, and returns once every stage is served.
func openCloud(ctx context.Context, model stage.Model, r rental) (*cloud, error) {
	if err := model.Validate(); err != nil {
		return nil, r.wrong("mend the model", err)
	}
	fingerprint, err := model.Fingerprint()
	if err != nil {
		return nil, r.wrong("mend the stage's source", err)
	}
	if err := r.complete(ctx, model); err != nil {
		return nil, err
	}
	n := len(model.Stages)
	c := &cloud{
		rental: r, model: model, fingerprint: fingerprint, secret: cmp.Or(r.credential, rand.Text()), begun: time.Now(),
		rules:    balancer.Rules{Stages: n, Floor: shortest(r.slo)},
		balancer: balancer.New(), count: &counts{}, news: make(chan struct{}, 1),
	}
	if c.functions != nil {
		c.functions = warmed{c.functions, c}
	}
	if c.transport == nil {
		c.transport = remote.NewTransport()
	}
	if c.explained != "" {
		c.log.Info("planned", "plan", c.explained)
	}
	if c.keepsByDefault() {
		c.keepByDefault()
	}
	c.load(ctx)
	if err := c.goOn(); err != nil {
		return nil, err
	}
	c.remember()
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.balancer.Publish(c.inForce().Generation)
	if err := c.rent(ctx); err != nil {
		c.close()
		return nil, c.abandon(ctx, err)
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

// rent makes the functions, starts the fleet and waits until every stage is served. VMs
// come last: they cost the most if something is wrong.
func (c *cloud) rent(ctx context.Context) error {
	if ctx.Err() != nil {
		remedy, err := ended(ctx)
		return c.wrong(remedy, err)
	}
	if err := c.makeFunctions(ctx); err != nil {
		return err
	}
	if c.vms != nil {
		if err := c.startFleet(); err != nil {
			return err
		}
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	if c.functions != nil {
		if err := c.sweep(ctx); err != nil {
			c.log.Warn("functions of a predecessor may be left", "error", err)
		}
		c.work.Go(c.keepWarm)
	}
	return nil
}

// await waits until every stage is served, or one never will be.
func (c *cloud) await(ctx context.Context) error {
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	for {
		bare := c.unserved()
		if bare < 0 {
			return nil
		}
		e := &Error{Stage: c.model.Stages[bare].Name, Group: c.groupAt(bare), Provider: c.vms.Name()}
		if e.Err = c.hopeless(bare); e.Err != nil {
			e.Remedy = "it cannot succeed as it is: see what the provider or the worker says"
			return e
		}
		select {
		case <-c.news:
		case <-progress.C:
			c.log.Info("waiting for VMs", "stage", e.Stage, "fleet", c.fleet.summary())
		case <-ctx.Done():
			remedy, err := ended(ctx)
			e.Err = because(fmt.Errorf("%w while nothing serves the stage: %s", err, c.fleet.summary()), c.last())
			if e.Remedy = remedy; errors.Is(e.Err, errStillborn) {
				e.Remedy = "see why the program ends on a VM before it is ready: more time would not help"
			}
			return e
		}
	}
}

// wake has await look again.
func (c *cloud) wake() {
	select {
	case c.news <- struct{}{}:
	default:
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

// placeKey names a place as the balancer does.
type placeKey struct {
	id     uint64
	stages stage.Range
}

func (p *place) key() placeKey { return placeKey{p.id, p.stages} }

// join lets the balancer pick a place.
func (c *cloud) join(p *place, m balancer.Member) error {
	if p.id == 0 {
		p.id, p.travel = c.next.Add(1), m.Travel
	}
	m.ID = p.id
	c.places.Store(p.key(), p) // before it can be picked
	for _, generation := range c.layout.Load().generations(p) {
		if err := c.balancer.Join(m, generation); err != nil {
			c.places.Delete(p.key())
			return &Error{Group: p.group.Group, Provider: p.provider, Err: err, Remedy: "change serflow.Plan or Times"}
		}
	}
	c.wake()
	return nil
}

// groupName is how messages and results call contiguous stages.
func (c *cloud) groupName(r stage.Range) string { return nameOf(c.model, r) }

func nameOf(m stage.Model, r stage.Range) string {
	switch {
	case r.First < 0 || r.Len() < 1 || r.Last >= len(m.Stages):
		return r.String() // of another model, whose VM is found under our tag
	case r.Len() == 1:
		return m.Stages[r.First].Name
	}
	return m.Stages[r.First].Name + ".." + m.Stages[r.Last].Name
}

// groupAt names the plan's group of a stage: that of VMs, if there is one.
func (c *cloud) groupAt(s int) string {
	plan := c.inForce()
	for _, g := range plan.VMs {
		if g.Stages.Has(s) {
			return c.groupName(g.Stages)
		}
	}
	for _, g := range plan.Functions {
		if g.Stages.Has(s) {
			return c.groupName(g.Stages)
		}
	}
	return ""
}

// close stops all goroutines, among them those that wait for calls of functions that nobody
// needs any more. What has been rented stays.
func (c *cloud) close() {
	c.stop()
	c.work.Wait()
	c.keepLast()
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
