package serflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// rental is what a pipeline rents, and how.
type rental struct {
	on         bool // On was given
	vms        providers.VMs
	functions  providers.Functions
	owner      string
	credential string // of the user's; else a random one is made
	limits     provisioner.Limits
	slo        time.Duration
	plan       *provisioner.Plan
	times      map[string]profile.Times
	supposed   map[string]bool // offers whose times nobody has given
	network    provisioner.Network
	patience   provisioner.Patience
	scaling    *Scaling // nil for a fleet that stays
	planner    planner.Planner
	explained  string // the plan, if the planner has made it
	store      Store  // nil for none
	stated     bool   // State was given
	recommend  bool
	measuring  int  // rows of the largest batch that is to be measured; 0 to serve
	replanned  bool // the planner has made the plan, and may make others
	heartbeat  time.Duration
	artifacts  [2]string // of VMs, of functions
	log        *slog.Logger
	transport  http.RoundTripper // to VMs
	stuck      time.Duration     // instead of what stuckAfter works out, in tests
}

// longestHeartbeat leaves a VM that its owner forgets to tell that it is there a few more
// times to hear it, before it ends itself after half an hour.
const longestHeartbeat = 10 * time.Minute

// shortestCredential keeps a credential from being guessed.
const shortestCredential = 16

// complete fills in defaults and reports what is missing for a model.
func (r *rental) complete(ctx context.Context, m stage.Model) error {
	if err := r.check(); err != nil {
		return err
	}
	r.heartbeat = cmp.Or(r.heartbeat, 2*time.Second)
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if n := r.network; n.VM == (provisioner.Path{}) && n.Function == (provisioner.Path{}) {
		r.network.VM.Latency, r.network.Function.Latency = 200*time.Microsecond, 2*time.Millisecond
	}
	stages := len(m.Stages)
	if err := r.planned(); err != nil {
		return err
	}
	if err := r.completePlan(ctx, stages); err != nil {
		return err
	}
	if err := cmp.Or(r.plan.Validate(stages), r.network.Validate(stages)); err != nil {
		return r.wrong("change serflow.Plan or Network", err)
	}
	if err := r.enough(m); err != nil {
		return err
	}
	return r.completeTimes(stages)
}

// check reports options that cannot be.
func (r *rental) check() error {
	l := r.limits
	switch {
	case r.vms == nil && r.functions == nil:
		return r.wrong("give it one, or leave serflow.On out to serve in process", fmt.Errorf("%w: On was given no provider", ErrInput))
	case r.owner == "":
		return r.wrong("add serflow.Owner", fmt.Errorf("%w: no owner: what no one owns is never ended", ErrInput))
	case r.vms != nil && l == (provisioner.Limits{}):
		return r.wrong("add serflow.Limits", fmt.Errorf("%w: VMs without limits could cost anything", ErrLimit))
	case l.VMs < 0, !(l.PerHour >= 0), !(l.PerDay >= 0):
		return r.wrong("give no limit below 0", fmt.Errorf("%w: %+v", ErrLimit, l))
	case r.slo < 0, r.heartbeat < 0, r.heartbeat > longestHeartbeat, r.slo > balancer.Never/4:
		return r.wrong("give nothing negative, and a heartbeat every 10 minutes at least, without which VMs end themselves",
			fmt.Errorf("%w: an SLO of %v, a heartbeat every %v", ErrInput, r.slo, r.heartbeat))
	case r.credential != "" && (len(r.credential) < shortestCredential || strings.ContainsFunc(r.credential, notVisible)):
		return r.wrong("take a random one, such as crypto/rand.Text makes",
			fmt.Errorf("%w: the credential needs %d or more characters, all of them visible ASCII", ErrInput, shortestCredential))
	}
	return nil
}

func notVisible(c rune) bool { return c <= ' ' || c > '~' }

// wrong is the error of something that the pipeline was given.
func (r *rental) wrong(remedy string, err error) error {
	return &Error{Provider: r.providers(), Err: err, Remedy: remedy}
}

// providers are the names of those that there are, such as "aws", or "gcp+aws".
func (r *rental) providers() string {
	var names []string
	if r.vms != nil {
		names = append(names, r.vms.Name())
	}
	if r.functions != nil && !slices.Contains(names, r.functions.Name()) {
		names = append(names, r.functions.Name())
	}
	return strings.Join(names, "+")
}

// completePlan makes a plan if there is none, and holds one that there is to the providers.
func (r *rental) completePlan(ctx context.Context, stages int) error {
	if r.plan == nil {
		plan, err := r.defaultPlan(ctx, stages)
		r.plan = &plan
		return err
	}
	plan := *r.plan // what the caller changes later is not rented
	plan.VMs, plan.Functions, plan.Reach = slices.Clone(plan.VMs), slices.Clone(plan.Functions), slices.Clone(plan.Reach)
	r.plan = &plan
	return r.provided()
}

// provided reports groups of the plan that nobody sells.
func (r *rental) provided() error {
	if r.vms == nil && len(r.plan.VMs) > 0 || r.functions == nil && len(r.plan.Functions) > 0 {
		return r.wrong("give serflow.On both providers", fmt.Errorf("%w: the plan has groups of a kind that there is no provider for", provisioner.ErrPlan))
	}
	return nil
}

func (r *rental) defaultPlan(ctx context.Context, stages int) (plan provisioner.Plan, err error) {
	all := wholeModel(stages)
	if r.vms != nil {
		offers, err := r.vms.Offers(ctx)
		if err != nil || len(offers) == 0 {
			return plan, unsold(r.vms.Name(), "VMs", err)
		}
		cheapest := slices.MinFunc(offers, func(a, b provisioner.VMOffer) int { return cmp.Compare(a.PerHour, b.PerHour) })
		plan.VMs = []provisioner.VMGroup{{Stages: all, Offer: cheapest, VMs: 1, MaxBatch: batchSizes[len(batchSizes)-1]}}
	}
	if r.functions != nil {
		offers, err := r.functions.Offers(ctx)
		if err != nil || len(offers) == 0 {
			return plan, unsold(r.functions.Name(), "functions", err)
		}
		cheapest := slices.MinFunc(offers, func(a, b provisioner.FunctionOffer) int {
			return cmp.Or(cmp.Compare(a.IdlePerHour, b.IdlePerHour), cmp.Compare(a.Cost(time.Second), b.Cost(time.Second)))
		})
		plan.Functions = []provisioner.FunctionGroup{{Stages: all, Offer: cheapest, Cold: coldByDefault}}
	}
	return plan, nil
}

// coldByDefault is how long a function may take to initialise, if nobody has said.
const coldByDefault = 10 * time.Second

// unsold is the error of a provider that offers nothing.
func unsold(provider, what string, err error) error {
	if err != nil {
		return &Error{Provider: provider, Err: err, Remedy: "choose offers by serflow.Plan, or try again"}
	}
	return &Error{Provider: provider, Err: fmt.Errorf("%w: it sells no %s", providers.ErrNotFound, what), Remedy: "give serflow.On nil for it"}
}

// wants is the plan's VMs, as the fleet is told.
func (r *rental) wants() (wants []provisioner.Want) {
	for _, g := range r.plan.VMs {
		wants = append(wants, provisioner.Want{Stages: g.Stages, Offer: g.Offer, VMs: g.VMs})
	}
	return wants
}

// enough reports groups of VMs for which the limits leave no room, and stages that nothing
// would ever serve. A fleet is asked what it would launch. Limits that leave room for some of
// a group's VMs are in the log.
func (r *rental) enough(m stage.Model) error {
	trial := provisioner.NewFleet("trial", r.limits, r.patience)
	if err := trial.Want(r.wants()...); err != nil {
		return r.wrong("name each offer and its stages once in serflow.Plan", err)
	}
	trial.Found(0) // nothing is there
	launched := map[provisioner.Key]int{}
	actions, _ := trial.Tick(0)
	for _, a := range actions {
		if a.Kind == provisioner.Launch {
			launched[a.Key] += a.VMs
		}
	}
	for _, w := range r.wants() {
		n, alone := launched[w.Key()], aloneIn(*r.plan, w.Stages)
		e := &Error{Stage: m.Stages[max(alone, w.Stages.First)].Name, Group: nameOf(m, w.Stages), Provider: r.vms.Name()}
		switch {
		case w.VMs == 0 && alone >= 0:
			e.Err, e.Remedy = fmt.Errorf("%w: its group has no VM, and no function serves it", provisioner.ErrPlan), "plan a VM or a function for it"
			return e
		case w.VMs > 0 && n == 0:
			e.Err = fmt.Errorf("%w: %s leave no room for a VM of %q at $%g an hour", ErrLimit, inWords(r.limits), w.Offer.Name, w.Offer.PerHour)
			e.Remedy = "raise serflow.Limits, or plan fewer VMs"
			return e
		case n < w.VMs:
			r.log.Warn("the limits leave room for only some of the VMs", "group", e.Group, "offer", w.Offer.Name, "planned", w.VMs, "room", n, "limits", inWords(r.limits))
		}
	}
	return nil
}

// inWords is limits as messages show them.
func inWords(l provisioner.Limits) string {
	return fmt.Sprintf("limits of %d VMs, $%g an hour and $%g a day", l.VMs, l.PerHour, l.PerDay)
}

// completeTimes supposes times for the offers that have none.
func (r *rental) completeTimes(stages int) error {
	supposed := cmp.Or(r.slo/5, 100*time.Millisecond) / time.Duration(stages)
	guess, err := profile.Deterministic(slices.Repeat([]time.Duration{max(supposed, 1)}, stages))
	if err != nil {
		return r.wrong("give serflow.Times of its offers", err)
	}
	times := map[string]profile.Times{}
	r.supposed = map[string]bool{}
	for _, name := range r.offers() {
		t := r.times[name]
		if t == nil {
			t = guess
			r.supposed[name] = true
		}
		if t.Stages() != stages {
			return r.wrong("measure this model", fmt.Errorf("%w: times of %d stages on %q, for a model of %d", ErrModel, t.Stages(), name, stages))
		}
		times[name] = t
	}
	r.times = times
	return nil
}

// because adds to an error what may have led to it, if that is known.
func because(err, why error) error {
	if why == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, why)
}

// mismatch tells whether a worker has another model, another wire or another credential than
// ours: it never serves us.
func mismatch(err error) bool {
	return errors.Is(err, ErrFingerprint) || errors.Is(err, remote.ErrVersion) || errors.Is(err, remote.ErrUnauthorized) || errors.Is(err, remote.ErrNotFound)
}
