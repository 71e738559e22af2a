package serflow

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage/remote"
)

// watch follows one VM from its launch to its end: it waits for its address and for it to be
// ready, and then asks it now and then how it is. Its fields are the fleet's goroutine's.
type watch struct {
	vm      providers.Instance
	place   *place // once it has registered
	address chan string
	known   sync.Once // its address
	stop    context.CancelFunc
}

// watch begins to follow a VM that the machine knows, or has its address come in.
func (f *fleet) watch(vm providers.Instance) {
	known, ok := f.machine.VM(vm.ID)
	if !ok || known.State == provisioner.Ending {
		return
	}
	w := f.watches[vm.ID]
	if w == nil {
		ctx, stop := context.WithCancel(f.ctx)
		w = &watch{vm: vm, address: make(chan string, 1), stop: stop}
		f.watches[vm.ID] = w
		f.work.Go(func() { f.follow(ctx, w) })
	}
	if vm.Address != "" {
		w.known.Do(func() { w.address <- vm.Address })
	}
}

// follow is a watch's goroutine.
func (f *fleet) follow(ctx context.Context, w *watch) {
	var address string
	select {
	case address = <-w.address:
	case <-ctx.Done():
		return
	}
	worker := remote.Dial(address, remote.Options{Model: f.model.Name, Fingerprint: f.fingerprint, Credential: f.credential})
	if !f.boot(ctx, w, worker) {
		return
	}
	p := f.placeOf(w, worker)
	f.tell(func() { f.register(w, p) })
	f.attend(ctx, w, worker, p.suspect)
}

// boot waits until the worker is ready. One that never can be is ended.
func (f *fleet) boot(ctx context.Context, w *watch, worker *remote.Worker) bool {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := f.check(ctx, worker)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case errors.Is(err, remote.ErrFingerprint), errors.Is(err, remote.ErrVersion), errors.Is(err, remote.ErrUnauthorized):
			f.blame("VM "+w.vm.ID+" is not one of ours", err)
			f.tell(func() { f.lose(w) })
			return false
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// check asks a worker how it is.
func (f *fleet) check(ctx context.Context, worker *remote.Worker) error {
	ctx, cancel := context.WithTimeout(ctx, f.heartbeat)
	defer cancel()
	return worker.Check(ctx)
}

func (f *fleet) placeOf(w *watch, worker *remote.Worker) *place {
	g := f.groupOf(provisioner.Key{Stages: w.vm.Stages, Offer: w.vm.Offer.Name})
	return &place{
		name: w.vm.ID, kind: balancer.VM, provider: f.vms.Name(), stages: w.vm.Stages,
		group: f.count.group(f.groupName(w.vm.Stages), balancer.VM), worker: worker,
		perSlot: w.vm.Offer.PerHour / 3600 / float64(g.SlotsOf()), suspect: make(chan struct{}, 1),
	}
}

// register makes a VM that is ready serve, if the fleet wants it.
func (f *fleet) register(w *watch, p *place) {
	f.machine.Ready(f.now(), w.vm.ID, w.vm.Token)
	if f.watches[w.vm.ID] != w {
		return
	}
	w.place = p
	if vm, ok := f.machine.VM(w.vm.ID); ok && vm.State == provisioner.Ready {
		f.log.Info("ready", "vm", w.vm.ID, "address", "known")
		f.admit(w)
	}
}

// admit lets the balancer pick a VM.
func (f *fleet) admit(w *watch) {
	g := f.groupOf(provisioner.Key{Stages: w.vm.Stages, Offer: w.vm.Offer.Name})
	if err := f.join(w.place, f.expect.VM(g)); err != nil {
		f.blame("join", err)
		f.lose(w)
	}
}

// misses is how often in a row a VM may fail to answer before it is lost.
const misses = 3

// attend asks a VM how it is, at every heartbeat and as soon as a request could not reach it.
func (f *fleet) attend(ctx context.Context, w *watch, worker *remote.Worker, suspect <-chan struct{}) {
	missed := 0
	for {
		pause := f.heartbeat
		if missed > 0 {
			pause = min(pause, 100*time.Millisecond)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-suspect:
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
		err := f.check(ctx, worker)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			missed = 0
		case errors.Is(err, remote.ErrRefused): // it drains: it has had a notice
			f.tell(func() { f.noticed(w.vm.ID) })
			missed = 0
		default:
			if missed++; missed == misses {
				f.blame("VM "+w.vm.ID+" does not answer", err)
				f.tell(func() { f.lose(w) })
				return
			}
		}
	}
}

// lose gives a VM up.
func (f *fleet) lose(w *watch) {
	if f.watches[w.vm.ID] == w {
		f.forget(w.vm.ID)
		f.machine.Lost(f.now(), w.vm.ID)
	}
}

// forget sends a VM nothing more, and stops following it.
func (f *fleet) forget(id string) {
	w := f.watches[id]
	if w == nil {
		return
	}
	w.stop()
	delete(f.watches, id)
	if w.place != nil && w.place.id > 0 {
		f.balancer.Leave(w.place.id)
		f.places.Delete(w.place.id)
	}
}

// forgetGone stops following VMs that the machine knows no more.
func (f *fleet) forgetGone() {
	for id := range f.watches {
		if _, ok := f.machine.VM(id); !ok {
			f.log.Info("gone", "vm", id)
			f.forget(id)
		}
	}
}

// drain sends a VM nothing more, and tells the machine when it has nothing left to do.
func (f *fleet) drain(id string, w *watch) {
	if w == nil || w.place == nil || w.place.id == 0 {
		f.tell(func() { f.machine.Idle(f.now(), id) })
		return
	}
	place := w.place.id
	f.balancer.Drain(place)
	f.work.Go(func() {
		for f.balancer.Serving(place) > 0 {
			if !sleep(f.ctx, 20*time.Millisecond) {
				return
			}
		}
		f.tell(func() { f.machine.Idle(f.now(), id) })
	})
}

// locate lists VMs as long as one has no address yet.
func (f *fleet) locate() {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	for pause := shortest; ; {
		if !sleep(f.ctx, pause) {
			return
		}
		if pause = min(2*pause, longest); !f.searching() {
			pause = shortest
			continue
		}
		_ = f.list(f.ctx) // it has been logged, and comes again
	}
}

// searching tells whether some VM has no address yet.
func (f *fleet) searching() bool {
	reply := make(chan bool, 1)
	f.tell(func() {
		for _, w := range f.watches {
			if w.place == nil {
				reply <- true
				return
			}
		}
		reply <- false
	})
	select {
	case yes := <-reply:
		return yes
	case <-f.ctx.Done():
		return false
	}
}

// sleep tells whether the time has passed before the context was over.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
