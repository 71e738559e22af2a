package simulate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// startFleet makes the plan's groups and what is wanted of them.
func (r *run) startFleet() error {
	limits := r.Limits
	if limits == (provisioner.Limits{}) {
		limits = provisioner.Limits{PerHour: math.Inf(1), PerDay: math.Inf(1)}
		for _, g := range r.Plan.VMs {
			limits.VMs += g.VMs
		}
		if r.control != nil {
			limits.VMs = math.MaxInt32
		}
	}
	r.fleet = provisioner.NewFleet("run", limits, r.Patience)
	var wants []provisioner.Want
	for _, g := range r.kinds() {
		if err := r.addGroup(g); err != nil {
			return err
		}
		wants = append(wants, provisioner.Want{Stages: g.Stages, Offer: g.Offer, VMs: g.VMs})
	}
	if r.control != nil {
		wants = nil // the loop will tell
	}
	if err := r.fleet.Want(wants...); err != nil {
		return fmt.Errorf("%w: %w", ErrScenario, err)
	}
	if r.Running {
		r.adopt(limits)
	}
	r.wakeFleet(0)
	return nil
}

// addGroup makes a VM group, or gives one that is there the settings of the newest plan.
func (r *run) addGroup(g provisioner.VMGroup) error {
	config := r.expect().Queue(g, r.Stages)
	config.Together = r.Together
	if _, err := queue.New(config); err != nil {
		return fmt.Errorf("%w: %w", ErrScenario, err)
	}
	gr := r.groupOf(provisioner.Key{Stages: g.Stages, Offer: g.Offer.Name})
	if gr == nil {
		gr = &group{stages: g.Stages, offer: g.Offer.Name, path: r.Network.VM, times: r.Times[g.Offer.Name], latency: newHistogram()}
		r.groups = append(r.groups, gr)
	}
	gr.vms, gr.config = g, config
	return nil
}

// kinds are all VMs that there may be.
func (r *run) kinds() []provisioner.VMGroup {
	if r.control != nil {
		return r.control.Kinds()
	}
	return r.Plan.VMs
}

// adopt begins with the VMs that are wanted, as far as the limits go.
func (r *run) adopt(limits provisioner.Limits) {
	var ids []string
	perHour := limits.PerHour
	for _, g := range r.groups {
		for range min(g.vms.VMs, limits.VMs-len(ids)) {
			if g.vms.Offer.Market != provisioner.Committed {
				if g.vms.Offer.PerHour > perHour+1e-9 {
					break // a cheaper group may still fit
				}
				perHour -= g.vms.Offer.PerHour
			}
			v := r.newVM(g, "before")
			ids = append(ids, v.id)
		}
	}
	r.found()
	for _, id := range ids {
		v := r.vms[id]
		r.register(v)
		if l := r.world.Launch(0, v.group.vms.Offer, 1); len(l.VMs) == 1 { // as if launched now
			r.fate(v, l.VMs[0])
		}
	}
}

func (r *run) expect() provisioner.Expect {
	return provisioner.Expect{Plan: r.Plan, Times: r.Times, Network: r.Network}
}

func (r *run) newVM(g *group, token string) *vm {
	g.launched++
	v := &vm{id: fmt.Sprintf("vm-%06d", len(r.places)), token: token, place: uint32(len(r.places)), group: g, launched: r.now, woken: Never}
	r.places = append(r.places, place{vm: v, group: g})
	r.vms[v.id] = v
	return v
}

// wakeFleet asks for a tick at a time, if none is due before.
func (r *run) wakeFleet(at time.Duration) {
	if at < r.tickAt {
		r.tickAt = at
		r.events.at(at, event{what: what{kind: ticked}})
	}
}

// tickFleet does what the fleet wants done.
func (r *run) tickFleet() {
	if r.tickAt != r.now {
		return
	}
	r.tickAt = Never
	r.decide()
	actions, wake := r.fleet.Tick(r.now)
	for _, a := range actions {
		r.act(a)
	}
	r.wakeFleet(min(wake, r.wakeControl()))
}

func (r *run) act(a provisioner.Action) {
	switch v := r.vms[a.ID]; a.Kind {
	case provisioner.List:
		r.found()
		r.wakeFleet(r.now)
	case provisioner.Launch:
		r.launch(a)
	case provisioner.Drain:
		if v != nil {
			r.drain(v)
		}
	case provisioner.Resume:
		if v != nil && v.draining {
			v.draining = false
			v.queue.Resume()
			r.join(v)
		}
	case provisioner.Move:
		if v != nil {
			r.regroup(v)
			r.rejoin(v)
		}
	case provisioner.End:
		if v != nil {
			r.kill(v)
		}
		r.fleet.Ended(r.now, a.ID)
		r.wakeFleet(r.now)
	}
}

// drain sends a VM nothing more.
func (r *run) drain(v *vm) {
	v.draining = true
	r.balancer.Drain(uint64(v.place))
	v.queue.Drain()
	r.idle(v)
}

// found answers a list.
func (r *run) found() {
	var all []provisioner.Found
	for _, id := range slices.Sorted(maps.Keys(r.vms)) {
		v := r.vms[id]
		all = append(all, provisioner.Found{ID: v.id, Token: v.token, Stages: v.group.stages, Offer: v.group.vms.Offer})
	}
	r.fleet.Found(r.now, all...)
}

// launch asks the world for VMs, once for each token; a token that is asked again is
// answered at once with what came of it.
func (r *run) launch(a provisioner.Action) {
	if came, ok := r.launches[a.Token]; ok {
		r.tell(a.Token, came)
		return
	}
	g := r.groupOf(a.Key)
	l := r.world.Launch(r.now, g.vms.Offer, a.VMs)
	came := launched{failed: l.Err != nil}
	if l.Err == nil {
		for _, life := range l.VMs[:min(len(l.VMs), a.VMs)] {
			v := r.newVM(g, a.Token)
			came.vms = append(came.vms, v.id)
			r.live(v, life)
		}
	}
	r.launches[a.Token] = came
	r.at(r.after(l.Answer), func() { r.tell(a.Token, came) })
}

// launched is what came of a launch.
type launched struct {
	vms    []string
	failed bool
}

// tell answers a launch.
func (r *run) tell(token string, came launched) {
	delete(r.launches, token)
	if came.failed {
		r.fleet.LaunchFailed(r.now, token)
	} else {
		r.fleet.Launched(r.now, token, came.vms...)
	}
	r.wakeFleet(r.now)
}

func (r *run) groupOf(k provisioner.Key) *group {
	i := slices.IndexFunc(r.groups, func(g *group) bool {
		return g.offer == k.Offer && g.stages == k.Stages && g.config.Stages > 0
	})
	if i < 0 {
		return nil
	}
	return r.groups[i]
}

// live schedules what becomes of a VM that has been launched now.
func (r *run) live(v *vm, l Life) {
	r.at(r.after(l.Boot), func() { r.register(v) })
	r.fate(v, l)
}

// fate schedules how a VM comes to its end, if it is not ended.
func (r *run) fate(v *vm, l Life) {
	r.at(r.after(l.Notice), func() {
		if !v.gone {
			r.fleet.Notice(r.now, v.id)
			r.wakeFleet(r.now)
		}
	})
	r.at(r.after(l.Lost), func() {
		if !v.gone {
			r.kill(v)
			r.fleet.Lost(r.now, v.id)
			r.wakeFleet(r.now)
		}
	})
}

// register makes a VM serve, if the fleet wants it.
func (r *run) register(v *vm) {
	if v.gone {
		return
	}
	r.fleet.Ready(r.now, v.id, v.token)
	if known, ok := r.fleet.VM(v.id); ok && known.State == provisioner.Ready {
		v.queue, _ = queue.New(v.group.config) // checked when the group was made
		v.ready = true
		slots := v.group.vms.SlotsOf()
		v.batches, v.begun = make([]queue.Batch, slots), slices.Repeat([]time.Duration{Never}, slots)
		r.regroup(v)
		r.join(v)
	}
	r.wakeFleet(r.now)
}

func (r *run) join(v *vm) {
	r.joinAs(v, v.group)
	if v.next != nil {
		r.joinAs(v, v.next)
	}
}

// joinAs lets the balancer pick a VM for the stages of a group, in the plans that have them.
func (r *run) joinAs(v *vm, g *group) {
	m := r.expect().VM(g.vms)
	m.ID = uint64(v.place)
	for _, generation := range r.generations(g) {
		if err := r.balancer.Join(m, generation); err != nil {
			panic(err) // the engine's own mistake: it describes one VM in two ways
		}
	}
}
