//go:build !race

package compare_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// More seeds are run until chance has little part in the dollars, but no more than four times as many.
func TestPrecision(t *testing.T) {
	a := ask("vgg16")
	a.SLO, a.Rates, a.Policies = 200*time.Millisecond, a.Rates[:60], []string{compare.FunctionsOnly}
	for precision, want := range map[float64]int{0: 2, 10: 2, 1e-9: 8} {
		a.Precision = precision
		r, err := compare.Compare(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if row := r.Rows[0]; r.Seeds != want || len(row.Results) != want || row.Results[want-1].Seed != uint64(want) {
			t.Errorf("precision %v: %d seeds, %d results", precision, r.Seeds, len(row.Results))
		}
	}
}

// What comes before a run has settled is in no figure, and nothing beats the bound on the rest.
func TestSettle(t *testing.T) {
	a := ask("vgg16")
	a.SLO, a.Rates, a.Policies = 200*time.Millisecond, append(slices.Repeat([]float64{500}, 60), slices.Repeat([]float64{100}, 120)...), []string{compare.FunctionsOnly}
	a.Settle = time.Minute
	r, err := compare.Compare(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if n := r.Requests.Mean; r.Seconds != 120 || n < 11500 || n > 12500 || row.Results[0].Requests < 11500 || row.Results[0].Requests > 12500 || row.OverBound.Mean < 1 {
		t.Errorf("%v requests in %d s, %+v", r.Requests, r.Seconds, row)
	}
	if cold := row.Results[0].Functions[0].Cold; cold > 0 || row.Good.Mean != 1 {
		t.Errorf("%d cold starts, %v of the minutes are good", cold, row.Good.Mean)
	}
	a.Settle = 3 * time.Minute
	if _, err := compare.Compare(t.Context(), a); !errors.Is(err, compare.ErrAsk) {
		t.Error(err)
	}
}
