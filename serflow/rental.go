package serflow

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// rental is what a pipeline rents, and how. Without providers it rents nothing.
type rental struct {
	vms       providers.VMs
	functions providers.Functions
	owner     string
	limits    provisioner.Limits
	slo       time.Duration
	plan      *provisioner.Plan
	times     map[string]profile.Times
	network   provisioner.Network
	patience  provisioner.Patience
	heartbeat time.Duration
	artifacts [2]string // of VMs, of functions
	log       *slog.Logger
}

// On serves the model on virtual machines and cloud functions; either may be nil. It needs
// an Owner, and Limits if there are VMs. Open makes the functions and returns once every
// stage is served somewhere.
func On(vms providers.VMs, functions providers.Functions) Option {
	return func(p *Pipeline) { p.rental.vms, p.rental.functions = vms, functions }
}

// Owner names whose VMs and functions they are. Two services with one owner would end
// each other's.
func Owner(name string) Option { return func(p *Pipeline) { p.rental.owner = name } }

// Limits are hard: nothing is launched that would exceed one.
func Limits(l provisioner.Limits) Option { return func(p *Pipeline) { p.rental.limits = l } }

// SLO is the time within which requests are to be answered: a VM hands back what it would
// finish too late, and a request that has no earlier deadline of its own ends in ErrDeadline
// when it is over. Default: none.
func SLO(d time.Duration) Option { return func(p *Pipeline) { p.rental.slo = d } }

// Plan says what to rent for which stages. Default: one VM of the cheapest offer and the
// cheapest function, each for the whole model.
func Plan(plan provisioner.Plan) Option { return func(p *Pipeline) { p.rental.plan = &plan } }

// Times says how long the model's stages take on an offer, by its name, as package profile
// has measured them. Default: a full pass takes a fifth of the SLO, or 100 ms; replies
// correct what is expected of a place.
func Times(offer string, t profile.Times) Option {
	return func(p *Pipeline) {
		if p.rental.times == nil {
			p.rental.times = map[string]profile.Times{}
		}
		p.rental.times[offer] = t
	}
}

// Network says what it takes to reach VMs and functions. Default: 0.2 and 2 ms each way.
func Network(n provisioner.Network) Option { return func(p *Pipeline) { p.rental.network = n } }

// Patience is how long the providers of VMs are waited for.
func Patience(w provisioner.Patience) Option { return func(p *Pipeline) { p.rental.patience = w } }

// Heartbeat is how often each VM is asked whether it is well, and told that its owner is;
// default 2 s. One that does not answer three times in a row is ended.
func Heartbeat(every time.Duration) Option { return func(p *Pipeline) { p.rental.heartbeat = every } }

// Artifacts are what VMs and functions run, as their providers name it: a path, bundle or
// image. Default: what the provider runs by itself, if it does.
func Artifacts(vm, function string) Option {
	return func(p *Pipeline) { p.rental.artifacts = [2]string{vm, function} }
}

// Log is told what is rented and ended, and why. Default: nothing is logged.
func Log(l *slog.Logger) Option { return func(p *Pipeline) { p.rental.log = l } }

// rents tells whether there is a provider.
func (r *rental) rents() bool { return r.vms != nil || r.functions != nil }

// complete fills in defaults and reports what is missing for a model of so many stages.
func (r *rental) complete(ctx context.Context, stages int) error {
	if r.owner == "" {
		return &Error{Err: fmt.Errorf("%w: no owner: what no one owns is never ended", ErrInput), Remedy: "add serflow.Owner"}
	}
	if r.vms != nil && r.limits == (provisioner.Limits{}) {
		return &Error{Err: fmt.Errorf("%w: VMs without limits could cost anything", ErrLimit), Remedy: "add serflow.Limits"}
	}
	if r.slo < 0 || r.heartbeat < 0 {
		return &Error{Err: fmt.Errorf("%w: an SLO of %v, a heartbeat every %v", ErrInput, r.slo, r.heartbeat), Remedy: "give nothing negative"}
	}
	r.heartbeat = cmp.Or(r.heartbeat, 2*time.Second)
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if n := r.network; n.VM == (provisioner.Path{}) && n.Function == (provisioner.Path{}) {
		r.network.VM.Latency, r.network.Function.Latency = 200*time.Microsecond, 2*time.Millisecond
	}
	if err := r.completePlan(ctx, stages); err != nil {
		return err
	}
	if err := cmp.Or(r.plan.Validate(stages), r.network.Validate(stages), r.limited()); err != nil {
		return &Error{Err: err, Remedy: "change serflow.Plan, Network or Limits"}
	}
	return r.completeTimes(stages)
}

// limited holds the limits to what they can mean.
func (r *rental) limited() error {
	if l := r.limits; l.VMs < 0 || !(l.PerHour >= 0) || !(l.PerDay >= 0) {
		return fmt.Errorf("%w: %+v", ErrLimit, l)
	}
	return nil
}

// completePlan makes a plan if there is none, and holds one that there is to the providers.
func (r *rental) completePlan(ctx context.Context, stages int) error {
	if r.plan == nil {
		plan, err := r.defaultPlan(ctx, stages)
		r.plan = &plan
		return err
	}
	if r.vms == nil && len(r.plan.VMs) > 0 || r.functions == nil && len(r.plan.Functions) > 0 {
		return &Error{Err: fmt.Errorf("%w: the plan has groups of a kind that there is no provider for", provisioner.ErrPlan), Remedy: "give serflow.On both providers"}
	}
	return nil
}

func (r *rental) defaultPlan(ctx context.Context, stages int) (plan provisioner.Plan, err error) {
	all := wholeModel(stages)
	if r.vms != nil {
		offers, err := r.vms.Offers(ctx)
		if err != nil || len(offers) == 0 {
			return plan, &Error{Provider: r.vms.Name(), Err: cmp.Or(err, errNoOffers), Remedy: "choose offers by serflow.Plan"}
		}
		cheapest := slices.MinFunc(offers, func(a, b provisioner.VMOffer) int { return cmp.Compare(a.PerHour, b.PerHour) })
		plan.VMs = []provisioner.VMGroup{{Stages: all, Offer: cheapest, VMs: 1}}
	}
	if r.functions != nil {
		offers, err := r.functions.Offers(ctx)
		if err != nil || len(offers) == 0 {
			return plan, &Error{Provider: r.functions.Name(), Err: cmp.Or(err, errNoOffers), Remedy: "choose offers by serflow.Plan"}
		}
		cheapest := slices.MinFunc(offers, func(a, b provisioner.FunctionOffer) int { return cmp.Compare(a.Cost(time.Second), b.Cost(time.Second)) })
		plan.Functions = []provisioner.FunctionGroup{{Stages: all, Offer: cheapest, Cold: coldByDefault}}
	}
	return plan, nil
}

// coldByDefault is how long a function may take to initialise, if nobody has said.
const coldByDefault = 10 * time.Second

// completeTimes supposes times for the offers that have none.
func (r *rental) completeTimes(stages int) error {
	supposed := cmp.Or(r.slo/5, 100*time.Millisecond) / time.Duration(stages)
	guess, err := profile.Deterministic(slices.Repeat([]time.Duration{max(supposed, 1)}, stages))
	if err != nil {
		return &Error{Err: err}
	}
	times := map[string]profile.Times{}
	for _, name := range r.plan.Offers() {
		t := r.times[name]
		if t == nil {
			t = guess
		}
		if t.Stages() != stages {
			return &Error{Err: fmt.Errorf("%w: times of %d stages on %q, for a model of %d", ErrModel, t.Stages(), name, stages), Remedy: "measure this model"}
		}
		times[name] = t
	}
	r.times = times
	return nil
}
