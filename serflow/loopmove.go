package serflow

import (
	"errors"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
)

// move makes the next plan and has requests move over to it, in this order, so that none is
// dropped: its functions are made and called once; VMs of its offers that serve other stages serve its stages too, and
// what is missing then is launched; requests begin there; those that have begun before end where they are; what only
// these needed is drained.
func (f *fleet) move(ask planner.Ask, why string) error {
	f.log.Info("planning again", "why", why)
	n, err := f.planNext(ask)
	if err != nil {
		return err
	}
	old := f.inForce()
	if n.Generation == old.Generation {
		return f.do(func() error { return f.settleOn(n) })
	}
	if err := f.do(func() error { return f.prepare(old, n) }); err != nil {
		return err
	}
	if err := f.furnish(n); err != nil {
		return errors.Join(err, f.goBack(old, n))
	}
	f.balancer.Publish(n.Generation)
	f.log.Info("requests begin with the new plan", "generation", n.Generation)
	for {
		if _, ok := f.balancer.Retire(old.Generation); ok {
			break
		}
		if !sleep(f.ctx, soon) {
			return f.ctx.Err()
		}
	}
	if err := f.do(func() error { return f.settleOn(n) }); err != nil {
		return err
	}
	f.dismiss()
	return nil
}

// do has the fleet's goroutine do something, and waits for it.
func (f *fleet) do(something func() error) error {
	done := make(chan error, 1)
	f.tell(func() { done <- something() })
	select {
	case err := <-done:
		return err
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// prepare has the fleet keep what there is and launch what will be, and places join both plans that
// are of both.
func (f *fleet) prepare(old provisioner.Plan, n next) error {
	if err := f.scaler.loop.Toward(n.groups); err != nil {
		return err
	}
	f.lay(f.scaler.loop.Kinds(), old, n.Plan)
	f.rejoin()
	return nil
}
