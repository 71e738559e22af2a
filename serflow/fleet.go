package serflow

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/stage"
)

// fleet drives the fleet's machine: one goroutine tells it events and does what it says.
// What takes time is done on other goroutines, which tell it by an event what came of it.
type fleet struct {
	*cloud
	name     string // begins the tokens of its launches
	machine  *provisioner.Fleet
	launches map[string]*asking // that have not been answered, by token
	watches  map[string]*watch  // of VMs that are there, by ID
	asked    []func()           // to be answered after the next tick, which bills the VMs
	saving   bool               // the state, now
	savedAt  time.Duration
	moving   bool          // to another plan
	replanAt time.Duration // not before
	pricesAt time.Duration
	ask      planner.Ask // that plans are made for, at the prices of today
	priced   string      // what costs something else than it did
	heard    uint64      // number of the latest list that was heard

	mu     sync.Mutex
	events []func()
	told   chan struct{} // has a value if there are events
	seek   chan struct{} // has a value if a VM may have no address yet
	ended  chan struct{} // closed when the fleet's goroutine is
	lists  atomic.Uint64 // that have been asked for
}

// asking is a launch that has not been answered.
type asking struct {
	providers.Launch
	begun   time.Duration
	asks    int
	refused bool // when it was asked for again: VMs may have come of it before
	setup   string
}

func (c *cloud) startFleet() error {
	f := &fleet{
		cloud: c, name: c.owner + "-" + rand.Text(), launches: map[string]*asking{}, watches: map[string]*watch{},
		told: make(chan struct{}, 1), seek: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	f.machine = provisioner.NewFleet(f.name, c.limits, c.patience)
	f.machine.Remember(c.past.Spent, c.begun.Sub(c.past.Saved))
	if c.replanned {
		f.ask, f.pricesAt = *c.scaling.Ask, f.now()+pricesEvery
	}
	if c.scaler == nil { // else the loop tells, once it is known what there is
		if err := f.machine.Want(c.wants()...); err != nil {
			return c.wrong("change serflow.Plan", err)
		}
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
		f.decide()
		actions, wake := f.machine.Tick(f.now())
		wake = f.scaler.next(wake, f.machine)
		for _, a := range actions {
			f.act(a)
		}
		for _, answer := range f.asked {
			answer()
		}
		f.asked = nil
		f.keep()
		timer.Reset(min(wake-f.now(), time.Hour))
		select {
		case <-f.told:
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
	case f.told <- struct{}{}:
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

// note remembers and logs how something has gone.
func (f *fleet) note(doing string, err error) {
	if f.ctx.Err() != nil {
		return // it has been broken off
	}
	if f.blame(doing, err); err != nil {
		f.log.Warn(doing, "error", err)
	}
}

// condemn gives a group up that can never serve, if somebody waits for it.
func (f *fleet) condemn(stages stage.Range, why error) {
	f.trouble.condemn(stages, why)
	f.wake()
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
		f.admit(w)
	case provisioner.Move:
		f.log.Info("moving", "vm", a.ID, "group", f.groupName(a.Key.Stages))
		f.admit(w)
	case provisioner.End:
		f.log.Info("ending", "vm", a.ID)
		f.forget(a.ID)
		f.work.Go(func() { f.end(a.ID) })
	}
}

// request is the provider's launch of an action; the same for the same token.
func (f *fleet) request(a provisioner.Action) *asking {
	if l, ok := f.launches[a.Token]; ok {
		l.asks++
		return l
	}
	g, _ := f.groupOf(a.Key)
	setup := f.setup(a.Key)
	l := &asking{begun: f.now(), asks: 1, setup: setup.String()}
	setup.Credential = f.secret
	l.Launch = providers.Launch{Token: a.Token, Owner: f.owner, Offer: g.Offer, Stages: g.Stages, VMs: a.VMs, Artifact: f.artifacts[0], Setup: setup.String()}
	f.launches[a.Token] = l
	return l
}

func (f *fleet) launch(a provisioner.Action) {
	asking := f.request(a)
	l := asking.Launch
	f.log.Info("launching", "offer", l.Offer.Name, "stages", l.Stages, "vms", l.VMs, "token", l.Token)
	f.work.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, f.waits(f.patience.Launch, time.Minute))
		defer cancel()
		instances, err := f.vms.Launch(ctx, l)
		f.note("launch of "+l.Offer.Name, err)
		switch {
		case err == nil:
			f.tell(func() { f.launched(l.Token, instances) })
		case providers.Refused(err):
			if errors.Is(err, providers.ErrInvalid) || errors.Is(err, providers.ErrNotFound) {
				f.condemn(l.Stages, err)
			}
			f.tell(func() {
				if asking.refused = true; asking.asks == 1 {
					delete(f.launches, l.Token)
				}
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
	asked := f.launches[token]
	delete(f.launches, token)
	ids := make([]string, len(instances))
	for i, vm := range instances {
		ids[i] = vm.ID
	}
	f.machine.Launched(f.now(), token, ids...)
	for _, vm := range instances {
		f.watch(vm)
		if w := f.watches[vm.ID]; w != nil && asked != nil {
			w.launched, w.told = max(asked.begun, 1), cmp.Or(w.told, asked.setup)
		}
	}
}

// list tells the machine of all VMs that carry our tag. A list that takes longer than a launch may is of
// no use, for VMs that are not in it may have been launched meanwhile.
func (f *fleet) list(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.waits(f.patience.Launch, time.Minute))
	defer cancel()
	number := f.lists.Add(1)
	instances, err := f.vms.List(ctx, f.owner)
	f.note("list", err)
	if err != nil {
		return // it is asked for again
	}
	f.tell(func() {
		if number > f.heard { // else a newer one has overtaken it
			f.heard = number
			f.found(instances)
		}
	})
}

func (f *fleet) found(instances []providers.Instance) {
	var found []provisioner.Found
	listed := map[string]bool{}
	for _, vm := range instances {
		found = append(found, provisioner.Found{ID: vm.ID, Token: vm.Token, Stages: vm.Stages, Offer: vm.Offer, Age: age(vm)})
		listed[vm.ID] = true
	}
	f.machine.Found(f.now(), found...)
	maps.DeleteFunc(f.launches, func(_ string, a *asking) bool { return a.refused })
	for _, vm := range instances {
		f.watch(vm)
	}
	f.forgetGone(listed)
}

// age is how long ago a VM was launched; 0 if its provider does not say.
func age(vm providers.Instance) time.Duration {
	if vm.Launched.IsZero() {
		return 0
	}
	return max(time.Since(vm.Launched), 0)
}

func (f *fleet) end(id string) {
	ctx, cancel := context.WithTimeout(f.ctx, f.waits(f.patience.End, 30*time.Second))
	defer cancel()
	err := f.vms.End(ctx, id)
	f.note("end", err)
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

func (f *fleet) noticed(id string) { f.machine.Notice(f.now(), id) }

// status is the fleet's VMs, what they have cost and whether that is the day's limit, as the fleet's goroutine
// knows them.
func (f *fleet) status() (vms []provisioner.VM, dollars float64, broke bool) {
	done := make(chan struct{})
	f.tell(func() {
		f.asked = append(f.asked, func() {
			vms, dollars, broke = f.machine.VMs(), f.total(), f.machine.Broke()
			close(done)
		})
	})
	select {
	case <-done:
		return vms, dollars, broke
	case <-f.ended:
		return f.machine.VMs(), f.total(), f.machine.Broke()
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
	vms, _, broke := f.status()
	by := map[provisioner.State]int{}
	for _, vm := range vms {
		by[vm.State]++
	}
	s := fmt.Sprintf("%d booting, %d ready, %d draining, %d ending", by[provisioner.Booting], by[provisioner.Ready], by[provisioner.Draining], by[provisioner.Ending])
	if broke {
		s += fmt.Sprintf("; serflow.Limits' $%g a day are spent", f.limits.PerDay)
	}
	return s
}

var errGone = errors.New("the VM is gone")
