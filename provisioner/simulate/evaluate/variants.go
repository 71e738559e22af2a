package evaluate

import (
	"fmt"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// variantTable is what becomes of the default where something is otherwise.
func variantTable(g *Grid, all []*result) string {
	plain := map[string]*result{} // the same cells as they are, by where they lie
	at := func(r *result) string { return fmt.Sprint(r.Profile, r.Prices, r.SLO, r.VCPUs, r.Boot, r.Traffic) }
	for _, v := range g.Variants {
		for _, r := range all {
			if v.Ablations && r.Variant == v.Name {
				plain[at(r)] = r
			}
		}
	}
	var t table
	t.head("variant", "cells", "default met the SLO", "its dollars beside those without it, median", "saves on UniformHybrid, median", "on one group a stage", "on Libra (measured)", "on FunctionsOnly", "dearer than RateOracle", "than OfflineOptimal")
	for _, v := range g.Variants {
		name := v.Name
		if v.Ablations {
			name = "none"
		}
		some := where(all, func(r *result) bool { return r.Variant == v.Name })
		if len(some) == 0 {
			continue
		}
		saved := func(p string) string {
			return percent(over(some, func(r *result) (float64, bool) { return r.saves(false, p) }).median())
		}
		dearer := func(p string) string {
			return percent(over(some, func(r *result) (float64, bool) {
				x, ok := r.saves(false, p)
				return -x, ok
			}).median())
		}
		beside := over(some, func(r *result) (float64, bool) {
			p := plain[at(r)]
			if p == nil {
				return 0, false
			}
			return r.by[Default].Dollars / p.by[Default].Dollars, true
		})
		met := over(some, func(r *result) (float64, bool) { return 1, r.by[Default].Met })
		t.row(name, fmt.Sprint(len(some)), fmt.Sprint(met.n()), times(beside.median()), saved(compare.UniformHybrid), saved(compare.PerStage),
			saved(compare.LibraMeasured), saved(compare.FunctionsOnly), dearer(compare.RateOracle), dearer(compare.OfflineOptimal))
	}
	return t.String()
}
