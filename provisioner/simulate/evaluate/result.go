package evaluate

import (
	"math"
	"slices"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// Default is the policy that is judged: the library's.
const Default = compare.CostOptimal

// result is what a cell came to.
type result struct {
	Line // any of its lines, for what they share
	by   map[string]Line
}

// results are all cells that have figures, in the order of the lines.
func results(lines Lines) (all []*result) {
	known := map[string]*result{}
	for _, l := range lines {
		if l.Policy == "" {
			continue
		}
		r := known[l.Cell]
		if r == nil {
			r = &result{Line: l, by: map[string]Line{}}
			known[l.Cell] = r
			all = append(all, r)
		}
		if l.Why == "" {
			r.by[l.Policy] = l
		}
	}
	return slices.DeleteFunc(all, func(r *result) bool { return r.by[Default].Policy == "" })
}

// cheapest is the line of least dollars among some policies, of those that met the SLO if met is set.
func (r *result) cheapest(met bool, policies ...string) (best Line, ok bool) {
	for _, p := range policies {
		if l, there := r.by[p]; there && (l.Met || !met) && (!ok || l.Dollars < best.Dollars) {
			best, ok = l, true
		}
	}
	return best, ok
}

// saves is by which share the default is cheaper than others, than the cheapest of them if there are
// several. If met is set, all that count have met the SLO; ok is false if the default has not, or none of the others.
func (r *result) saves(met bool, others ...string) (share float64, ok bool) {
	own := r.by[Default]
	other, ok := r.cheapest(met, others...)
	if !ok || met && !own.Met || other.Dollars == 0 {
		return 0, false
	}
	return 1 - own.Dollars/other.Dollars, true
}

// spread is what a figure is in several cells.
type spread struct{ values []float64 }

func (s *spread) add(x float64) { s.values = append(s.values, x) }

func (s *spread) n() int { return len(s.values) }

// quantile of none is not a number.
func (s *spread) quantile(q float64) float64 {
	if len(s.values) == 0 {
		return math.NaN()
	}
	slices.Sort(s.values)
	at := q * float64(len(s.values)-1)
	low := int(at)
	high := min(low+1, len(s.values)-1)
	return s.values[low] + (at-float64(low))*(s.values[high]-s.values[low])
}

func (s *spread) median() float64 { return s.quantile(0.5) }

// over is a figure of all results that have it.
func over(all []*result, of func(*result) (float64, bool)) *spread {
	s := &spread{}
	for _, r := range all {
		if x, ok := of(r); ok {
			s.add(x)
		}
	}
	return s
}

func where(all []*result, is func(*result) bool) []*result {
	return slices.DeleteFunc(slices.Clone(all), func(r *result) bool { return !is(r) })
}
