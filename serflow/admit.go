package serflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage/remote"
)

// A VM holds the whole model, and what it serves is said by the machine: its Key and, while requests move to
// another plan, Next. Its worker is told by a setup. Until that has been taken the VM serves what it was set up for
// before, if the plans have that; if it is not taken, the machine hears that the VM is unfit, and has another take its
// place. One of an earlier run is set up before it serves at all: nobody knows what it was last told.

// serving tells whether the machine has a VM serve, as far as it can.
func (f *fleet) serving(w *watch) bool {
	if w == nil || w.place == nil || f.watches[w.vm.ID] != w {
		return false
	}
	vm, ok := f.machine.VM(w.vm.ID)
	return ok && vm.State == provisioner.Ready
}

// admit lets the balancer pick a VM for what the machine has it for, as far as its worker has been set up for that,
// and has the worker set up for the rest.
func (f *fleet) admit(w *watch) {
	if !f.serving(w) {
		return
	}
	w.draining = false
	vm, _ := f.machine.VM(w.vm.ID)
	keys := []provisioner.Key{vm.Key}
	if vm.Next != (provisioner.Key{}) {
		keys = append(keys, vm.Next)
	}
	keys = slices.DeleteFunc(keys, func(k provisioner.Key) bool { // of a plan that has gone
		_, ok := f.groupOf(k)
		return !ok
	})
	f.leave(w, keys)
	for _, k := range keys {
		if !slices.Contains(w.able, k) {
			continue
		}
		if err := f.serve(w, k); err != nil {
			f.note("join", err)
			f.lose(w)
			return
		}
	}
	f.setUp(w, keys)
}

// leave has a VM not be a place any more that it is for none of these kinds.
func (f *fleet) leave(w *watch, keys []provisioner.Key) {
	w.serves = slices.DeleteFunc(w.serves, func(p *place) bool {
		gone := !slices.ContainsFunc(keys, func(k provisioner.Key) bool { return k.Stages == p.stages })
		if gone {
			f.places.Delete(p.key())
		}
		return gone
	})
}

// serve makes a VM a place of a kind, or describes the place anew.
func (f *fleet) serve(w *watch, k provisioner.Key) error {
	g, _ := f.groupOf(k)
	m := f.expected().VM(g)
	m.Supposed = f.supposed[g.Offer.Name]
	i := slices.IndexFunc(w.serves, func(p *place) bool { return p.stages == k.Stages })
	if i < 0 {
		p := *w.place
		p.stages, p.travel, p.group = k.Stages, m.Travel, f.count.group(f.groupName(k.Stages), p.kind)
		p.perSlot = w.vm.Offer.PerHour / 3600 / float64(g.SlotsOf())
		i, w.serves = len(w.serves), append(w.serves, &p)
	}
	return f.join(w.serves[i], m)
}

// setup is how the worker of a VM of one kind, or of two plans', is to be set up: the newest last.
func (f *fleet) setup(keys ...provisioner.Key) launch.Setup {
	l, stages := f.layout.Load(), len(f.model.Stages)
	g, _ := f.groupOf(keys[len(keys)-1])
	q, stuck := l.expect.Queue(g, stages), f.stuckAfter(g)
	if len(keys) > 1 {
		old, _ := f.groupOf(keys[0])
		q, stuck = l.expect.Both(old, g, stages), max(stuck, f.stuckAfter(old))
	}
	if f.measuring > 0 { // whatever is sent is one batch
		q.MaxBatch, q.Window, q.Need, q.Least, q.Rest, q.Curve = f.measuring, 0, nil, nil, nil, nil
	}
	return launch.Setup{
		Stages: g.Stages, Slots: q.Slots, MaxBatch: q.MaxBatch, Window: q.Window, Limit: q.Limit,
		Need: q.Need, Least: q.Least, Rest: q.Rest, Curve: q.Curve, Stuck: stuck, Generation: l.plans[len(l.plans)-1].Generation,
	}
}

// setUp has a VM's worker told how it is to be set up, if that is not how it was told last.
func (f *fleet) setUp(w *watch, keys []provisioner.Key) {
	if len(keys) == 0 || w.telling {
		return
	}
	setup := f.setup(keys...).String()
	if setup == w.told {
		return
	}
	w.telling = true
	f.work.Go(func() {
		err := f.tellSetup(w.place.worker, setup)
		f.tell(func() { f.toldSetup(w, keys, setup, err) })
	})
}

// tellSetup tells a worker, a few times if need be.
func (f *fleet) tellSetup(worker *remote.Worker, setup string) (err error) {
	for range misses {
		ctx, cancel := context.WithTimeout(f.ctx, max(f.heartbeat, time.Second))
		err = worker.SetUp(ctx, setup)
		cancel()
		if err == nil || errors.Is(err, ErrInput) || errors.Is(err, remote.ErrNotFound) || !sleep(f.ctx, soon) {
			break
		}
	}
	return err
}

// toldSetup takes in what a worker has made of a setup. A worker of a version that knows none is as it was
// launched.
func (f *fleet) toldSetup(w *watch, keys []provisioner.Key, setup string, err error) {
	w.telling, w.told = false, setup
	if f.watches[w.vm.ID] != w || f.ctx.Err() != nil {
		return
	}
	launched := []provisioner.Key{{Stages: w.vm.Stages, Offer: w.vm.Offer.Name}}
	switch {
	case err == nil:
		w.able = keys
	case errors.Is(err, remote.ErrNotFound) && slices.Equal(keys, launched):
		w.able = launched
	default:
		f.log.Warn("not set up", "vm", w.vm.ID, "group", f.groupName(keys[len(keys)-1].Stages), "error", err)
		for _, k := range keys {
			if !slices.Contains(w.able, k) {
				f.machine.Unfit(f.now(), w.vm.ID, k)
			}
		}
	}
	if w.waits {
		w.waits = false
		f.ready(w)
		return
	}
	f.admit(w) // for what it is to serve by now
}
