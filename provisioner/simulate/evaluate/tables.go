package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// table is one in Markdown.
type table struct{ strings.Builder }

func (t *table) head(columns ...string) {
	t.row(columns...)
	t.WriteString("|" + strings.Repeat(" --- |", len(columns)) + "\n")
}

func (t *table) row(fields ...string) { t.WriteString("| " + strings.Join(fields, " | ") + " |\n") }

// percent is a share; a dash if there is none.
func percent(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

func times(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.2f", x)
}

// policyTable is each policy beside the bound.
func policyTable(all []*result, policies []string) string {
	var t table
	t.head("policy", "cells", "SLO met", "over the bound where met, median", "worst", "over the bound in all cells, median", "minutes with 99 % in time, median", "worst")
	for _, p := range policies {
		figure := func(met bool, of func(Line) float64) *spread {
			return over(all, func(r *result) (float64, bool) {
				l, ok := r.by[p]
				return of(l), ok && (l.Met || !met)
			})
		}
		ratio := func(l Line) float64 { return l.Dollars / l.Bound }
		good := func(l Line) float64 { return l.Good }
		met, any := figure(true, ratio), figure(false, ratio)
		if any.n() == 0 {
			continue
		}
		t.row(p, fmt.Sprint(any.n()), fmt.Sprint(met.n()), times(met.median()), times(met.quantile(1)), times(any.median()), percent(figure(false, good).median()), percent(figure(false, good).quantile(0)))
	}
	return t.String()
}

// goal is something to be reached, held against what was.
type goal struct {
	name    string
	wanted  string
	others  []string
	dearer  bool // the figure is by how much the default is dearer, not cheaper
	applies func(*result) bool
}

func always(*result) bool { return true }

func from(vcpus float64) func(*result) bool {
	return func(r *result) bool { return r.VCPUs >= vcpus }
}

// goals are those that were set before the evaluation.
var goals = []goal{
	{"the best of UniformHybrid, one group a stage and FunctionsOnly", "never more than 1 % dearer", []string{compare.UniformHybrid, compare.PerStage, compare.FunctionsOnly}, false, always},
	{"Libra with uniform runtimes, 2 vCPUs and more", "45 % cheaper, at worst 23 %", []string{compare.LibraUniform}, false, from(2)},
	{"Libra with measured means", "25 % cheaper", []string{compare.LibraMeasured}, false, always},
	{"LibraTuned", "5 % cheaper", []string{compare.LibraTuned}, false, always},
	{"UniformHybrid", "as it is", []string{compare.UniformHybrid}, false, always},
	{"UniformHybrid, where batches gain 1.7 times and more (language-cascade), 8 vCPUs and more", "23 % cheaper", []string{compare.UniformHybrid}, false, func(r *result) bool { return r.Profile == "language-cascade" && r.VCPUs >= 8 }},
	{"the full-depth model on a VM autoscaler", "55 % cheaper", []string{compare.FullKnativeLike}, false, always},
	{"the full-depth model on functions", "80 % cheaper", []string{compare.FullFunctionsOnly}, false, always},
	{"RateOracle, 8 vCPUs and more", "at most 5 % dearer", []string{compare.RateOracle}, true, from(8)},
	{"OfflineOptimal, 8 vCPUs and more", "at most 15 % dearer", []string{compare.OfflineOptimal}, true, from(8)},
}

func (g goal) figure(all []*result, met bool) *spread {
	return over(where(all, g.applies), func(r *result) (float64, bool) {
		x, ok := r.saves(met, g.others...)
		if g.dearer {
			return -x, ok
		}
		return x, ok
	})
}

// goalTable holds the goals against what was measured, where both met the SLO, and wherever both ran.
func goalTable(all []*result) string {
	var t table
	t.head("against", "goal", "cells in which both met the SLO", "median", "worst", "all cells", "median", "worst")
	for _, g := range goals {
		met, any := g.figure(all, true), g.figure(all, false)
		worst, word := 0.0, "cheaper"
		if g.dearer {
			worst, word = 1, "dearer"
		}
		say := func(x float64) string {
			if math.IsNaN(x) {
				return "-"
			}
			return percent(x) + " " + word
		}
		t.row(g.name, g.wanted, fmt.Sprint(met.n()), say(met.median()), say(met.quantile(worst)), fmt.Sprint(any.n()), say(any.median()), say(any.quantile(worst)))
	}
	return t.String()
}

// axisTable is how it depends on one axis.
func axisTable(all []*result, name string, of func(*result) (key string, order float64)) string {
	var t table
	t.head(name, "cells", "default met the SLO", "over the bound, median", "saves on UniformHybrid, median", "on Libra (measured)", "on FunctionsOnly", "on the full-depth model on a VM autoscaler")
	order := map[string]float64{}
	for _, r := range all {
		key, o := of(r)
		order[key] = o
	}
	keys := []string{}
	for key := range order {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b)) })
	for _, key := range keys {
		some := where(all, func(r *result) bool { k, _ := of(r); return k == key })
		saved := func(p string) string {
			return percent(over(some, func(r *result) (float64, bool) { return r.saves(false, p) }).median())
		}
		met := over(some, func(r *result) (float64, bool) { return 1, r.by[Default].Met })
		bound := over(some, func(r *result) (float64, bool) { return r.by[Default].Dollars / r.Bound, true })
		t.row(key, fmt.Sprint(len(some)), fmt.Sprint(met.n()), times(bound.median()), saved(compare.UniformHybrid), saved(compare.LibraMeasured), saved(compare.FunctionsOnly), saved(compare.FullKnativeLike))
	}
	return t.String()
}

// moneyTable is where the default's dollars go.
func moneyTable(all []*result) string {
	var t table
	t.head("share of the default's dollars", "median", "from", "to")
	for _, part := range []struct {
		name string
		of   func(Line) float64
	}{
		{"VMs while they work", func(l Line) float64 { return l.VMs * l.Busy / l.Dollars }},
		{"VMs that boot or idle", func(l Line) float64 { return l.VMs * (1 - l.Busy) / l.Dollars }},
		{"functions", func(l Line) float64 { return l.Functions / l.Dollars }},
		{"transfer", func(l Line) float64 { return max(0, 1-(l.VMs+l.Functions)/l.Dollars) }},
	} {
		s := over(all, func(r *result) (float64, bool) { return part.of(r.by[Default]), true })
		t.row(part.name, percent(s.median()), percent(s.quantile(0)), percent(s.quantile(1)))
	}
	return t.String()
}

// worstTable is the cells in which the default does worst against what it should never lose to.
func worstTable(all []*result, n int) string {
	var t table
	t.head("cell", "saves on the best of UniformHybrid, one group a stage and FunctionsOnly", "default's good minutes", "the other's", "the other")
	others := goals[0].others
	sorted := where(all, func(r *result) bool { _, ok := r.saves(false, others...); return ok })
	slices.SortStableFunc(sorted, func(a, b *result) int {
		x, _ := a.saves(false, others...)
		y, _ := b.saves(false, others...)
		return cmp.Compare(x, y)
	})
	for _, r := range sorted[:min(n, len(sorted))] {
		x, _ := r.saves(false, others...)
		other, _ := r.cheapest(false, others...)
		t.row(r.Cell, percent(x), percent(r.by[Default].Good), percent(other.Good), other.Policy)
	}
	return t.String()
}

// ablationTable is what the default is without each of its parts.
func ablationTable(all []*result) string {
	var t table
	t.head("without", "cells", "dearer, median", "from", "to", "good minutes lost, median", "worst")
	for _, p := range append(compare.Ablations(), compare.UniformHybrid) {
		dearer := over(all, func(r *result) (float64, bool) { l, ok := r.by[p]; return l.Dollars/r.by[Default].Dollars - 1, ok })
		lost := over(all, func(r *result) (float64, bool) { l, ok := r.by[p]; return r.by[Default].Good - l.Good, ok })
		name := strings.TrimPrefix(p, Default+", no ")
		if p == compare.UniformHybrid {
			name = "search for groups (UniformHybrid)"
		}
		t.row(name, fmt.Sprint(dearer.n()), percent(dearer.median()), percent(dearer.quantile(0)), percent(dearer.quantile(1)), percent(lost.median()), percent(lost.quantile(1)))
	}
	return t.String()
}
