package serflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
)

// rejoin has all places that serve join the plans that they are of. One that cannot be
// described as the new plan has it is given up, and another takes its place.
func (f *fleet) rejoin() {
	for _, w := range f.watches {
		if !w.draining {
			f.admit(w)
		}
	}
	l := f.layout.Load()
	f.places.Range(func(_, v any) bool {
		if p := v.(*place); p.kind == balancer.Function {
			if g, ok := l.functionOf(p); ok {
				f.note("join", f.join(p, f.functionMember(g)))
			}
		}
		return true
	})
}

// furnish makes the functions of a plan that are not there yet, and waits for its VMs.
func (f *fleet) furnish(n next) error {
	ctx, cancel := context.WithTimeout(f.ctx, longestMove)
	defer cancel()
	for _, g := range n.Functions {
		if f.hasFunction(g) {
			continue
		}
		if err := f.ensure(ctx, g); err != nil {
			return err
		}
	}
	for end := f.now() + longestMove; !f.furnished(n); {
		if f.now() > end {
			if bare := f.bare(n.Generation); bare >= 0 {
				return fmt.Errorf("%w: nothing of the new plan serves stage %q after %v", ErrCapacity, f.model.Stages[bare].Name, longestMove)
			}
			return nil
		}
		if !sleep(f.ctx, soon) {
			return f.ctx.Err()
		}
	}
	return nil
}

func (f *fleet) hasFunction(g provisioner.FunctionGroup) (has bool) {
	f.places.Range(func(_, v any) bool {
		p := v.(*place)
		has = has || p.kind == balancer.Function && p.stages == g.Stages && p.offer == g.Offer.Name
		return !has
	})
	return has
}

// furnished tells whether each stage, and each VM group that is to have VMs, is served.
func (f *fleet) furnished(n next) bool {
	for _, g := range n.VMs {
		has := g.VMs == 0
		f.places.Range(func(_, v any) bool {
			p := v.(*place)
			has = has || p.kind == balancer.VM && p.stages == g.Stages
			return !has
		})
		if !has {
			return false
		}
	}
	return f.bare(n.Generation) < 0
}

// bare is the first stage that nothing of a generation serves; -1 if there is none.
func (f *fleet) bare(generation uint64) int {
	served, l := make([]bool, len(f.model.Stages)), f.layout.Load()
	f.places.Range(func(_, v any) bool {
		p := v.(*place)
		for s := p.stages.First; s <= p.stages.Last && slices.Contains(l.generations(p), generation); s++ {
			served[s] = true
		}
		return true
	})
	return slices.Index(served, false)
}

// settleOn has the fleet keep to one plan. What it has that is of no use is drained.
func (f *fleet) settleOn(n next) error {
	if err := f.scaler.loop.Plan(n.groups, n.Reach); err != nil {
		return err
	}
	f.scaler.groups = n.groups
	f.lay(f.scaler.loop.Kinds(), n.Plan)
	f.rejoin()
	f.savedAt = 0 // a restart is to know
	return nil
}

// goBack leaves a plan that could not be moved over to.
func (f *fleet) goBack(old provisioner.Plan, n next) error {
	err := f.do(func() error { return f.settleOn(next{old, f.scaler.groups}) })
	f.balancer.Retire(n.Generation)
	f.dismiss()
	return err
}

// dismiss removes functions that are of no plan any more, and those of which it was never told whether
// they had been made. What cannot be removed is tried again: it may cost something though nobody calls it.
func (f *fleet) dismiss() {
	l := f.layout.Load()
	f.places.Range(func(id, v any) bool {
		p := v.(*place)
		if _, ok := l.functionOf(p); !ok && p.kind == balancer.Function {
			f.balancer.Leave(p.id)
			f.places.Delete(id)
		}
		return true
	})
	if f.functions == nil {
		return
	}
	end := f.now() + longestMove
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		ctx, cancel := context.WithTimeout(f.ctx, abandonTime)
		err := f.sweep(ctx)
		cancel()
		if f.note("remove", err); err == nil || f.now() > end || !sleep(f.ctx, pause) {
			return
		}
	}
}
