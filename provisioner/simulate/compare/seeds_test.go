package compare_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// ask is 20 minutes of a few requests, and more of them for some minutes.
func ask(model string) compare.Ask {
	d, err1 := catalogue.Profile(model)
	s, err2 := catalogue.Prices("aws")
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	a := compare.Ask{Profile: d, Prices: s, SLO: 2500 * time.Millisecond, Seed: 1, Seeds: 2, Traffic: "steps"}
	for second := range 1200 {
		rate := 25.0
		if second >= 600 {
			rate = 50
		}
		a.Rates = append(a.Rates, rate)
	}
	return a
}

// The same seeds give the same report; others give others.
func TestSeeds(t *testing.T) {
	run := func(seed uint64) string {
		a := ask("vgg16")
		a.SLO, a.Rates, a.Seed, a.Policies = 200*time.Millisecond, a.Rates[:300], seed, []string{compare.CostOptimal, compare.OfflineOptimal}
		told := 0
		a.Progress = func(simulate.Progress) { told++ }
		r, err := compare.Compare(t.Context(), a)
		if err != nil || told == 0 {
			t.Fatal(told, err)
		}
		var out bytes.Buffer
		if err := r.JSON(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := run(1)
	if again := run(1); again != first {
		t.Error("the same seed gives another report")
	}
	if run(7) == first {
		t.Error("another seed gives the same report")
	}
}
