package serflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/internal/exhausted"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage/remote"
)

// watch follows one VM from its launch to its end: it waits for its address and for it to be
// ready, and then asks it now and then how it is. Its fields are the fleet's goroutine's.
type watch struct {
	vm       providers.Instance
	place    *place            // once it has registered, without stages
	serves   []*place          // that it is now
	able     []provisioner.Key // for which its worker has been set up
	told     string            // how its worker was last told to be set up
	telling  bool              // it is being told
	waits    bool              // for that, to be ready
	begun    time.Duration     // since when it is followed
	launched time.Duration     // when it was asked for; 0 if that is not known
	listed   bool              // by the provider, so that a later list without it means that it is gone
	located  bool              // its address is known
	draining bool
	address  chan string
	stop     context.CancelFunc
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
		w = &watch{vm: vm, begun: f.now(), address: make(chan string, 1), stop: stop}
		f.watches[vm.ID] = w
		if l := f.launches[vm.Token]; l != nil {
			w.told = l.setup
		}
		f.work.Go(func() { f.follow(ctx, w) })
		select {
		case f.seek <- struct{}{}:
		default:
		}
	}
	if vm.Address != "" && !w.located {
		w.located = true
		w.address <- vm.Address
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
	worker := remote.Dial(address, remote.Options{Model: f.model.Name, Fingerprint: f.fingerprint, Credential: f.secret, Transport: f.transport})
	if !f.boot(ctx, w, worker) {
		return
	}
	p := &place{
		name: w.vm.ID, kind: balancer.VM, provider: f.vms.Name(), offer: w.vm.Offer.Name,
		worker: worker, suspect: make(chan struct{}, 1), spared: new(atomic.Bool),
	}
	f.tell(func() { f.register(w, p) })
	f.attend(ctx, w, p)
}

// boot waits until the worker is ready. One that never can be is ended, and one that we have
// launched ourselves says that others will not be either.
func (f *fleet) boot(ctx context.Context, w *watch, worker *remote.Worker) bool {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := f.check(ctx, worker)
		if ctx.Err() != nil {
			return false
		}
		f.blame("boot", err)
		switch {
		case err == nil:
			return true
		case mismatch(err):
			f.log.Warn("not one of ours", "vm", w.vm.ID, "error", err)
			if f.ours(w.vm) {
				f.condemn(w.vm.Stages, fmt.Errorf("VM %s: %w", w.vm.ID, err))
			}
			f.tell(func() { f.lose(w) })
			return false
		case errors.Is(err, ErrStage) && !f.ours(w.vm): // it was stuck before we found it
			f.log.Warn("lost", "vm", w.vm.ID, "error", err)
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
	ctx, cancel := context.WithTimeout(ctx, max(f.heartbeat, time.Second))
	defer cancel()
	return worker.Check(ctx)
}

// register makes a VM that is ready serve, if the fleet wants it. One of an earlier run is set up first: as soon as
// the machine has it for ready, another may be drained for it.
func (f *fleet) register(w *watch, p *place) {
	if f.watches[w.vm.ID] != w {
		f.machine.Ready(f.now(), w.vm.ID, w.vm.Token)
		return
	}
	w.place = p
	p.id = f.next.Add(1)
	vm, known := f.machine.VM(w.vm.ID)
	if f.ours(w.vm) {
		w.able = []provisioner.Key{{Stages: w.vm.Stages, Offer: w.vm.Offer.Name}}
	} else if _, ok := f.groupOf(vm.Key); known && ok {
		w.waits = true
		f.setUp(w, []provisioner.Key{vm.Key})
		return
	}
	f.ready(w)
}

// ready tells the machine of a VM that is.
func (f *fleet) ready(w *watch) {
	p := w.place
	f.machine.Ready(f.now(), w.vm.ID, w.vm.Token)
	if f.watches[w.vm.ID] != w {
		return
	}
	if w.launched > 0 {
		p.boot = f.now() - w.launched
	}
	f.blame(booting, nil)
	if f.serving(w) {
		f.log.Info("ready", "vm", w.vm.ID)
		f.admit(w)
	}
}

// readmit lets a VM be picked again that is well after all.
func (f *fleet) readmit(w *watch) {
	if f.watches[w.vm.ID] == w && !w.draining {
		f.admit(w)
	}
}

// misses is how often in a row a VM may fail to answer, or say that it is not well, before it
// is lost.
const misses = 3

// soon is the least time between two looks at a VM.
const soon = 100 * time.Millisecond

// attend asks a VM how it is, at every heartbeat and soon after a request had trouble with it.
func (f *fleet) attend(ctx context.Context, w *watch, p *place) {
	for missed := 0; ; {
		if !sleep(ctx, min(f.heartbeat, soon)) || missed == 0 && !sleepUnless(ctx, f.heartbeat-soon, p.suspect) {
			return
		}
		err := f.check(ctx, p.worker)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			missed = 0
			if p.spared.Swap(false) {
				f.tell(func() { f.readmit(w) })
			}
		case errors.Is(err, remote.ErrRefused): // it drains: it has had a notice
			f.tell(func() { f.noticed(w.vm.ID) })
			missed = 0
		case exhausted.Is(err): // it is we who cannot ask, and to replace it would not help
			f.log.Warn("not asked how it is", "vm", w.vm.ID, "error", err)
		default:
			if missed++; missed == misses {
				f.log.Warn("lost", "vm", w.vm.ID, "error", err)
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

// ours tells whether a VM was launched by this pipeline, and not found.
func (f *fleet) ours(vm providers.Instance) bool { return strings.HasPrefix(vm.Token, f.name+"-") }

// forget sends a VM nothing more, and stops following it.
func (f *fleet) forget(id string) {
	w := f.watches[id]
	if w == nil {
		return
	}
	w.stop()
	delete(f.watches, id)
	if w.place != nil {
		f.balancer.Leave(w.place.id)
		f.leave(w, nil)
	}
}

// drain sends a VM nothing more, and tells the machine when it has nothing left to do.
func (f *fleet) drain(id string, w *watch) {
	if w == nil || w.place == nil {
		f.tell(func() { f.machine.Idle(f.now(), id) })
		return
	}
	if w.draining {
		return
	}
	w.draining = true
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

// locate lists VMs as long as one has no address, or is not ready, yet: soon after it was
// launched, and then less and less often.
func (f *fleet) locate() {
	for pause := provisioner.Never; ; {
		t := time.NewTimer(pause)
		select {
		case <-f.seek:
			pause = soon
		case <-t.C:
			if pause = min(2*pause, 5*time.Second); f.searching() {
				f.list(f.ctx)
			} else {
				pause = provisioner.Never
			}
		case <-f.ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// searching tells whether some VM has not registered yet.
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
func sleep(ctx context.Context, d time.Duration) bool { return sleepUnless(ctx, d, nil) }

// sleepUnless is sleep that a value wakes.
func sleepUnless(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}
