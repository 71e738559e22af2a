// Package compare runs the same requests under every policy and says what each costs, how well it
// answers, and what is possible at best.
//
//	profile, prices, SLO, rates -> plans (package planner) -> a simulation for each policy and seed -> Report
//
// Each policy gets the same requests at the same seed, the same offers, of which the planner chooses the
// best for what the policy is allowed, the same worker, balancer, boots and cold starts.
package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
)

// ErrAsk marks a question that cannot be answered as it is.
var ErrAsk = errors.New("bad comparison")

// Ask is what to compare. Profile, Prices, SLO and Rates have no default.
type Ask struct {
	// Profile is the model's; each of its offers that Prices has is used. Its boots and cold starts
	// are drawn as they are listed.
	Profile *profile.Document
	Prices  *catalogue.Sheet
	SLO     time.Duration // 99 % of requests within it, in 99.5 % of the minutes
	// Rates are requests per second, in each second of the run. Requests come at random at these rates:
	// traffic.Trace.Rates has those of a trace. Plans are made for the distribution of all of them.
	Rates   []float64
	Traffic string // its name, for the report
	// Settle is how long at the begin of Rates a run goes on before anything is counted, as in simulate.Scenario: for a
	// service that is not new. Default: a new one, whose functions are cold and whose policy has seen nothing.
	Settle time.Duration
	// Reach drifts over the run, each of which makes its own; the profile's, which plans are made with,
	// is what is expected. Default: it stays that.
	Reach func() (depth.Reach, error)
	// Runs is how many requests stay about as deep as the one before, as depth.Persistent has it: hard ones
	// come in runs. Default 10.
	Runs  float64
	Seed  uint64 // the first; the same seeds give the same report
	Seeds int    // how many; default 3, of which confidence intervals are made
	// Precision has more seeds run, up to four times Seeds, until half the confidence interval of each policy's dollars
	// is within this share of them. Default: just Seeds.
	Precision float64
	// Policies to compare, by name, of Policies and Ablations; default Policies.
	Policies []string
	// Detail is how long the intervals are for which the first seed's results say what happened, as
	// simulate.Scenario has it: charts over time need it. Default: they do not.
	Detail   time.Duration
	Progress func(simulate.Progress) // is told now and then, if it is set
}

func (a Ask) withDefaults() Ask {
	if a.Seeds == 0 {
		a.Seeds = 3
	}
	if a.Runs == 0 {
		a.Runs = 10
	}
	if a.Policies == nil {
		a.Policies = Policies()
	}
	return a
}

func (a Ask) validate() error {
	switch {
	case a.Profile == nil || a.Prices == nil:
		return fmt.Errorf("%w: no profile or no prices: give both; package catalogue has some", ErrAsk)
	case a.SLO <= 0 || a.Seeds < 1 || !(a.Runs > 0) || a.Detail < 0:
		return fmt.Errorf("%w: an SLO of %v, %d seeds, runs of %v requests, detail of %v: give more than 0 of each", ErrAsk, a.SLO, a.Seeds, a.Runs, a.Detail)
	case len(a.Rates) == 0 || slices.Max(a.Rates) == 0:
		return fmt.Errorf("%w: no requests: give a rate for each second", ErrAsk)
	}
	all := append(Policies(), Ablations()...)
	if a.Settle < 0 || a.Settle >= time.Duration(len(a.Rates))*time.Second {
		return fmt.Errorf("%w: %v to settle, of %d s: give less than there is", ErrAsk, a.Settle, len(a.Rates))
	}
	for _, name := range a.Policies {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%w: no policy %q: there are %q", ErrAsk, name, all)
		}
	}
	return nil
}

// Compare runs all policies with all seeds, as many at a time as there are cores. The error wraps ErrAsk,
// or is that of the planner if no plan meets the SLO, or of ctx. A policy that cannot serve the model at
// all is in the report with the reason.
func Compare(ctx context.Context, a Ask) (*Report, error) {
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return nil, err
	}
	w, err := newWorkload(a)
	if err != nil {
		return nil, err
	}
	entrants, err := w.entrants()
	if err != nil {
		return nil, err
	}
	for from := 0; ; from, w.Seeds = w.Seeds, 2*w.Seeds {
		if err := w.run(ctx, entrants, from); err != nil {
			return nil, err
		}
		if w.precise(entrants) || 2*w.Seeds > 4*a.Seeds {
			return w.report(entrants)
		}
	}
}

// run has all entrants run with the seeds from one on.
func (w *workload) run(ctx context.Context, entrants []*entrant, from int) error {
	if err := w.draw(ctx, from); err != nil {
		return err
	}
	var all []simulate.Scenario
	var whose []*entrant
	for _, e := range entrants {
		for seed := from; seed < w.Seeds && e.why == ""; seed++ {
			all, whose = append(all, w.scenario(e, seed)), append(whose, e)
		}
	}
	results, err := simulate.RunAll(ctx, all, w.Progress)
	for i, r := range results {
		whose[i].results = append(whose[i].results, r)
	}
	return err
}

// precise tells whether chance has no more part in anybody's dollars than Precision allows.
func (w *workload) precise(entrants []*entrant) bool {
	return w.Precision <= 0 || !slices.ContainsFunc(entrants, func(e *entrant) bool {
		f := over(e.results, func(x simulate.Result) float64 { return x.Dollars.Total })
		return e.why == "" && (w.Seeds == 1 || f.Half > w.Precision*f.Mean)
	})
}
