package compare

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// The policies, by the names that they have in a report.
const (
	Serflow           = "Serflow"
	CostOptimal       = "CostOptimal"
	UniformHybrid     = "UniformHybrid"
	PerStage          = "CostOptimal, one group a stage"
	LibraUniform      = "Libra (uniform)"
	LibraMeasured     = "Libra (measured)"
	LibraTuned        = "LibraTuned"
	FunctionsOnly     = "FunctionsOnly"
	KnativeLike       = "KnativeLike"
	FullKnativeLike   = "KnativeLike, full depth"
	FullFunctionsOnly = "FunctionsOnly, full depth"
	RateOracle        = "RateOracle"
	OfflineOptimal    = "OfflineOptimal"
)

// Policies are all names, in the order of a report.
func Policies() []string {
	return []string{
		CostOptimal, Serflow, UniformHybrid, PerStage, LibraUniform, LibraMeasured, LibraTuned, FunctionsOnly, KnativeLike,
		FullKnativeLike, FullFunctionsOnly, RateOracle, OfflineOptimal,
	}
}

// entrant is a policy and what it runs on.
type entrant struct {
	name   string
	full   bool // the model without exits
	plan   provisioner.Plan
	kinds  [][]planner.Kind
	policy func(seed int) policy.Policy // a new one for each run, since they remember
	why    string                       // it cannot run
}

// plans are what the planner finds for whoever may have what.
type plans struct {
	*workload
	planner planner.Planner
	best    *planner.Result
}

// entrants makes plans for all policies that are asked for.
func (w *workload) entrants() (all []*entrant, err error) {
	p := &plans{workload: w}
	if p.best, err = p.planner.Plan(w.ask); err != nil {
		return nil, err
	}
	for _, name := range w.Policies {
		e := &entrant{name: name}
		if err := p.enter(e); err != nil {
			e.why = err.Error()
		}
		all = append(all, e)
	}
	return all, nil
}

var errNoPlan = errors.New("there is no such plan for this model")

// enter fills an entrant in.
func (p *plans) enter(e *entrant) error {
	ask := p.ask
	switch e.name {
	case FullKnativeLike, FullFunctionsOnly:
		e.full, ask.Reach = true, nil
	}
	choice, err := p.choose(e.name, ask)
	if err != nil {
		return err
	}
	e.plan = choice.Plan
	if len(e.plan.VMs) == 0 {
		return nil
	}
	if e.kinds, err = p.planner.Kinds(ask, e.plan, 0); err != nil {
		return err
	}
	e.policy, err = p.maker(e)
	return err
}

// choose is the plan of a policy.
func (p *plans) choose(name string, ask planner.Ask) (c *planner.Choice, err error) {
	switch name {
	case UniformHybrid, LibraUniform, LibraMeasured, LibraTuned:
		c = p.best.Uniform
	case PerStage:
		c = p.best.PerStage
	case FunctionsOnly, FullFunctionsOnly:
		ask.VMs = nil
		return p.without(ask, "functions")
	case KnativeLike, FullKnativeLike:
		ask.Functions = nil
		return p.without(ask, "VMs")
	default:
		c = &p.best.Choice
	}
	if c == nil {
		return nil, errNoPlan
	}
	return c, nil
}

// without plans with one kind alone; VMs in one group, as today's autoscalers have them.
func (p *plans) without(ask planner.Ask, kind string) (*planner.Choice, error) {
	if len(ask.VMs)+len(ask.Functions) == 0 {
		return nil, fmt.Errorf("the price sheet has no %s for this model", kind)
	}
	r, err := p.planner.Plan(ask)
	if err != nil {
		return nil, err
	}
	if len(ask.Functions) == 0 && r.Uniform != nil {
		return r.Uniform, nil
	}
	return &r.Choice, nil
}

// maker makes the policy of an entrant for each run.
func (p *plans) maker(e *entrant) (func(seed int) policy.Policy, error) {
	switch e.name {
	case Serflow:
		return func(int) policy.Policy { return &policy.Serflow{} }, nil
	case UniformHybrid:
		return func(int) policy.Policy { return policy.UniformHybrid() }, nil
	case PerStage, CostOptimal:
		return func(int) policy.Policy { return &policy.CostOptimal{} }, nil
	case LibraUniform:
		return func(int) policy.Policy { return &policy.Libra{} }, nil
	case LibraMeasured:
		return func(int) policy.Policy { return &policy.Libra{Capacity: policy.Measured} }, nil
	case LibraTuned:
		tuned, err := p.tune(e)
		return func(int) policy.Policy { l := *tuned; return &l }, err
	case KnativeLike, FullKnativeLike:
		return func(int) policy.Policy { return &policy.KnativeLike{} }, nil
	case RateOracle:
		return func(int) policy.Policy { return oracle.RateOracle(p.Rates, p.reach()) }, nil
	}
	minimum := time.Duration(0)
	for _, g := range e.plan.VMs {
		minimum = max(minimum, g.Offer.Minimum)
	}
	return func(seed int) policy.Policy { return &oracle.OfflineOptimal{Draw: p.draws[seed], Minimum: minimum} }, nil
}

// training is how much of the run, drawn anew, LibraTuned is tuned on.
const training = 24 * 3600

// tune searches Libra's settings on another draw of the same rates, which favours it.
func (p *plans) tune(e *entrant) (*policy.Libra, error) {
	rates := p.Rates[:min(len(p.Rates), training)]
	s, err := traffic.Seconds(rates, rand.New(rand.NewPCG(p.Seed, 1<<32)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	counts := make([]int, len(rates))
	for {
		at, err := s.Next()
		if err != nil { // io.EOF
			break
		}
		counts[at/time.Second]++
	}
	group := policy.Group{Max: p.most().VMs, Economics: control.Planned(e.kinds)[0].Offers[0].Economics}
	return policy.LibraTuned(policy.Measured, policy.Grid{}, func(l policy.Policy) float64 {
		return policy.Replay(l, group, counts).Dollars()
	}), nil
}

// most is limits as an account's quota is: ten times the VMs that the highest rate would keep busy
// without exits, a VM having one slot, and some more. A policy that orders without measure ends there.
func (w *workload) most() provisioner.Limits {
	pass := 0.0
	for s := range w.stages() {
		slowest := 0.0
		for _, v := range w.ask.VMs {
			slowest = max(slowest, v.Times.Mean(s, 1).Seconds())
		}
		pass += slowest
	}
	return provisioner.Limits{VMs: 20 + int(min(10*slices.Max(w.Rates)*pass, 1e6)), PerHour: 1e9, PerDay: 1e12}
}

// scenario is one run of an entrant.
func (w *workload) scenario(e *entrant, seed int) simulate.Scenario {
	s := w.requests(e.full, seed)
	s.Plan, s.Running = e.plan, true
	if e.policy == nil {
		return s
	}
	limits := w.most()
	s.Limits = limits
	s.Loop = func() (*control.Loop, error) {
		return control.New(control.Config{Policy: e.policy(seed), Groups: control.Planned(e.kinds), Limits: limits})
	}
	return s
}

// describe says what a plan rents, apart from how many.
func describe(p provisioner.Plan) string {
	var parts []string
	for _, g := range p.VMs {
		parts = append(parts, fmt.Sprintf("%v on %s", g.Stages, g.Offer.Name))
	}
	for _, g := range p.Functions {
		parts = append(parts, fmt.Sprintf("%v on %s", g.Stages, g.Offer.Name))
	}
	return strings.Join(slices.Compact(parts), "; ")
}
