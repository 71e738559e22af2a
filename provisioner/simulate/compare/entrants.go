package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate"
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

	results []simulate.Result // by seed
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
	w.planned = p.best.Explain()
	for _, name := range w.Policies {
		e := &entrant{name: name}
		if err := p.enter(e); err != nil {
			e.why = err.Error()
		}
		all = append(all, e)
	}
	return all, nil
}

// enter fills an entrant in.
func (p *plans) enter(e *entrant) error {
	ask := p.ask
	ablate(e.name, &ask)
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
	ablateRun(e.name, &s)
	if seed == 0 {
		s.Detail = w.Detail
	}
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
