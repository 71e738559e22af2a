package serflow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// fleet drives the fleet's machine: one goroutine tells it events and does what it says.
// What takes time is done on other goroutines, which tell it by an event what came of it.
type fleet struct {
	*cloud
	machine  *provisioner.Fleet
	launches map[string]providers.Launch // that have not been answered, by token
	watches  map[string]*watch           // of VMs that are there, by ID
	asked    []func()                    // to be answered after the next tick, which bills the VMs

	mu     sync.Mutex
	events []func()
	news   chan struct{} // has a value if there are events
	ended  chan struct{} // closed when the fleet's goroutine is
	wrong  error         // the provider's last error, until something goes well
}

func (c *cloud) startFleet() error {
	f := &fleet{
		cloud:    c,
		machine:  provisioner.NewFleet(c.owner+"-"+rand.Text(), c.limits, c.patience),
		launches: map[string]providers.Launch{}, watches: map[string]*watch{}, news: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	var wants []provisioner.Want
	for _, g := range c.plan.VMs {
		wants = append(wants, provisioner.Want{Stages: g.Stages, Offer: g.Offer, VMs: g.VMs})
	}
	if err := f.machine.Want(wants...); err != nil {
		return &Error{Provider: c.vms.Name(), Err: err}
	}
	c.fleet = f
	c.work.Go(f.loop)
	c.work.Go(f.locate)
	if n, ok := c.vms.(providers.Noticer); ok {
		c.work.Go(func() { f.heed(n.Notices(c.ctx)) })
	}
	return nil
}

// loop is the fleet's goroutine.
func (f *fleet) loop() {
	defer close(f.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, event := range f.take() {
			event()
		}
		actions, wake := f.machine.Tick(f.now())
		for _, a := range actions {
			f.act(a)
		}
		for _, answer := range f.asked {
			answer()
		}
		f.asked = nil
		timer.Reset(min(wake-f.now(), time.Hour))
		select {
		case <-f.news:
		case <-timer.C:
		case <-f.ctx.Done():
			return
		}
	}
}

// tell has the fleet's goroutine call an event, and tick.
func (f *fleet) tell(event func()) {
	f.mu.Lock()
	f.events = append(f.events, event)
	f.mu.Unlock()
	select {
	case f.news <- struct{}{}:
	default:
	}
}

func (f *fleet) take() []func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

// blame remembers what went wrong at the provider; nil that something went well.
func (f *fleet) blame(doing string, err error) {
	if err != nil && f.ctx.Err() == nil {
		f.log.Warn(doing, "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = err
}

// trouble is the provider's last error, if nothing has gone well since.
func (f *fleet) trouble() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrong
}

func (f *fleet) act(a provisioner.Action) {
	switch w := f.watches[a.ID]; a.Kind {
	case provisioner.Launch:
		f.launch(a)
	case provisioner.List:
		f.work.Go(func() { f.list(f.ctx) })
	case provisioner.Drain:
		f.log.Info("draining", "vm", a.ID)
		f.drain(a.ID, w)
	case provisioner.Resume:
		f.log.Info("resuming", "vm", a.ID)
		if w != nil && w.place != nil {
			f.admit(w)
		}
	case provisioner.End:
		f.log.Info("ending", "vm", a.ID)
		f.forget(a.ID)
		f.work.Go(func() { f.end(a.ID) })
	}
}

// request is the provider's launch of an action; the same for the same token.
func (f *fleet) request(a provisioner.Action) providers.Launch {
	if l, ok := f.launches[a.Token]; ok {
		return l
	}
	g := f.groupOf(a.Key)
	setup := launch.Setup{
		Stages: g.Stages, Slots: g.SlotsOf(), MaxBatch: g.MaxBatch, Window: g.Window, Limit: g.Limit,
		Need: f.expect.Need(g, len(f.model.Stages)), Credential: f.credential,
	}
	l := providers.Launch{Token: a.Token, Owner: f.owner, Offer: g.Offer, Stages: g.Stages, VMs: a.VMs, Artifact: f.artifacts[0], Setup: setup.String()}
	f.launches[a.Token] = l
	return l
}

// groupOf is the plan's group of a kind of VM.
func (c *cloud) groupOf(k provisioner.Key) provisioner.VMGroup {
	i := slices.IndexFunc(c.plan.VMs, func(g provisioner.VMGroup) bool { return g.Offer.Name == k.Offer && g.Stages == k.Stages })
	if i < 0 { // adopted, of a plan that has gone
		return provisioner.VMGroup{Stages: k.Stages, Offer: provisioner.VMOffer{Name: k.Offer}}
	}
	return c.plan.VMs[i]
}

func (f *fleet) launch(a provisioner.Action) {
	l := f.request(a)
	f.log.Info("launching", "offer", l.Offer.Name, "stages", l.Stages, "vms", l.VMs, "token", l.Token)
	f.work.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, f.waits(f.patience.Launch, time.Minute))
		defer cancel()
		instances, err := f.vms.Launch(ctx, l)
		f.blame("launch", err)
		switch {
		case err == nil:
			f.tell(func() { f.launched(l.Token, instances) })
		case providers.Refused(err):
			f.tell(func() {
				delete(f.launches, l.Token)
				f.machine.LaunchFailed(f.now(), l.Token)
			})
		} // after any other error VMs may be there: the machine asks again
	})
}

func (f *fleet) waits(d, byDefault time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return byDefault
}

func (f *fleet) launched(token string, instances []providers.Instance) {
	delete(f.launches, token)
	ids := make([]string, len(instances))
	for i, vm := range instances {
		ids[i] = vm.ID
	}
	f.machine.Launched(f.now(), token, ids...)
	for _, vm := range instances {
		f.watch(vm)
	}
}

// list tells the machine of all VMs that carry our tag.
func (f *fleet) list(ctx context.Context) error {
	instances, err := f.vms.List(ctx, f.owner)
	f.blame("list", err)
	if err != nil {
		return err
	}
	f.tell(func() {
		var found []provisioner.Found
		for _, vm := range instances {
			found = append(found, provisioner.Found{ID: vm.ID, Token: vm.Token, Stages: vm.Stages, Offer: vm.Offer})
		}
		f.machine.Found(f.now(), found...)
		for _, vm := range instances {
			f.watch(vm)
		}
		f.forgetGone()
	})
	return nil
}

func (f *fleet) end(id string) {
	ctx, cancel := context.WithTimeout(f.ctx, f.waits(f.patience.End, 30*time.Second))
	defer cancel()
	err := f.vms.End(ctx, id)
	f.blame("end", err)
	if err == nil {
		f.tell(func() { f.machine.Ended(f.now(), id) })
	}
}

// heed tells the machine of VMs that their provider takes back.
func (f *fleet) heed(notices <-chan providers.Notice) {
	for n := range notices {
		f.log.Info("notice", "vm", n.ID, "end", n.End)
		f.tell(func() { f.noticed(n.ID) })
	}
}

func (f *fleet) noticed(id string) {
	f.machine.Notice(f.now(), id)
	f.drain(id, f.watches[id])
}

// status is the fleet's VMs and what they have cost, as the fleet's goroutine knows them.
func (f *fleet) status() (vms []provisioner.VM, dollars float64) {
	done := make(chan struct{})
	f.tell(func() {
		f.asked = append(f.asked, func() {
			vms, dollars = f.machine.VMs(), f.total()
			close(done)
		})
	})
	select {
	case <-done:
		return vms, dollars
	case <-f.ended:
		return f.machine.VMs(), f.total()
	}
}

// total is the dollars of all VMs so far.
func (f *fleet) total() float64 {
	_, total := f.machine.Spent()
	return total
}

// summary counts the VMs by state, for messages.
func (f *fleet) summary() string {
	if f == nil {
		return "no VMs"
	}
	vms, _ := f.status()
	by := map[provisioner.State]int{}
	for _, vm := range vms {
		by[vm.State]++
	}
	return fmt.Sprintf("%d booting, %d ready, %d draining, %d ending", by[provisioner.Booting], by[provisioner.Ready], by[provisioner.Draining], by[provisioner.Ending])
}

var errGone = errors.New("the VM is gone")
