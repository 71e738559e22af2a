//go:build !race

package compare_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

var all = sync.OnceValues(func() (*compare.Report, error) {
	return compare.Compare(context.Background(), ask("bert-base"))
})

func report(t *testing.T) *compare.Report {
	t.Helper()
	r, err := all()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All policies are there, have had the same requests, cost more than the bound, and their bills add up.
func TestCompare(t *testing.T) {
	r := report(t)
	var names []string
	for _, row := range r.Rows {
		names = append(names, row.Policy)
		if row.Why != "" || row.OverBound.Mean < 1 || row.Total.Mean < r.Bound.Met.Mean {
			t.Errorf("%s: %q, %v over the bound %+v", row.Policy, row.Why, row.OverBound, r.Bound)
			continue
		}
		groups, requests := 0.0, 0
		for _, g := range row.Groups {
			groups += g.Dollars.Mean
		}
		for _, x := range row.Results {
			requests += x.Requests
			if ended := x.Answered + x.Failed.Shed + x.Failed.Deadline + x.Failed.Tries; ended != x.Requests {
				t.Errorf("%s: %d of %d requests ended", row.Policy, ended, x.Requests)
			}
		}
		for what, pair := range map[string][2]float64{
			"the bill": {row.VMs.Mean + row.Functions.Mean + row.Transfer.Mean, row.Total.Mean},
			"groups":   {groups, row.VMs.Mean + row.Functions.Mean},
			"requests": {float64(requests) / 2, r.Requests.Mean},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*pair[1] {
				t.Errorf("%s: %s: %v, want %v", row.Policy, what, pair[0], pair[1])
			}
		}
		deep := row.Exits[len(row.Exits)-1]
		if full := strings.HasSuffix(row.Policy, "full depth"); full != row.Full || full && deep != 1 || !full && math.Abs(deep-0.35) > 0.05 {
			t.Errorf("%s: %v leave at the end", row.Policy, deep)
		}
		if vms := row.VMHours.Mean > 0; vms == strings.HasPrefix(row.Policy, "FunctionsOnly") || vms != (row.VMs.Mean > 0) {
			t.Errorf("%s: %v VM-hours for $%v", row.Policy, row.VMHours, row.VMs)
		}
		if strings.HasPrefix(row.Policy, "KnativeLike") && row.Functions.Mean > 0 {
			t.Errorf("%s: $%v for functions", row.Policy, row.Functions)
		}
	}
	if !slices.Equal(names, compare.Policies()) || len(names) != 13 {
		t.Errorf("%q", names)
	}
	if v := r.VCPUs; math.Abs(v-0.115*37.5) > 0.2 {
		t.Errorf("%v vCPUs of work", v)
	}
	if best := r.Cheapest(); best == nil || best.Policy == compare.OfflineOptimal || best.Policy == compare.RateOracle || best.Met != 2 {
		t.Errorf("the cheapest: %+v", best)
	}
}

// Full depth costs more than exits; what knows the future, no more than what is like it and does not.
func TestOrder(t *testing.T) {
	total := map[string]float64{}
	for _, row := range report(t).Rows {
		total[row.Policy] = row.Total.Mean
	}
	for _, pair := range [][2]string{
		{compare.FunctionsOnly, compare.FullFunctionsOnly}, {compare.KnativeLike, compare.FullKnativeLike},
		{compare.OfflineOptimal, compare.CostOptimal}, {compare.OfflineOptimal, compare.FunctionsOnly},
	} {
		if !(total[pair[0]] < total[pair[1]]) {
			t.Errorf("%s costs %v, %s %v", pair[0], total[pair[0]], pair[1], total[pair[1]])
		}
	}
}

func TestWrite(t *testing.T) {
	r := report(t)
	var table, text, lines bytes.Buffer
	if err := errors.Join(r.Table(&table), r.JSON(&text), r.CSV(&lines)); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(compare.Policies(), "LowerBound", "* The cheapest", "95 %") {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
	var again compare.Report
	if err := json.Unmarshal(text.Bytes(), &again); err != nil || !reflect.DeepEqual(&again, r) {
		t.Errorf("read again it is another: %v", err)
	}
	rows, err := csv.NewReader(&lines).ReadAll() // checks that all have as many fields
	if err != nil || len(rows) < 2+2*len(r.Rows) || rows[len(rows)-1][0] != "LowerBound" {
		t.Errorf("%d lines, %v", len(rows), err)
	}
}

// A model that no function holds has no policies of functions, and the report says so.
func TestWithoutFunctions(t *testing.T) {
	a := ask("language-cascade")
	a.SLO, a.Seeds = 20*time.Second, 1
	for i := range a.Rates {
		a.Rates[i] /= 20
	}
	a.Policies = []string{compare.CostOptimal, compare.FunctionsOnly, compare.OfflineOptimal}
	r, err := compare.Compare(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows[0].Why != "" || r.Rows[1].Why != "the price sheet has no functions for this model" || r.Rows[2].Why != "" {
		t.Errorf("%q, %q, %q", r.Rows[0].Why, r.Rows[1].Why, r.Rows[2].Why)
	}
	var table bytes.Buffer
	if err := r.Table(&table); err != nil || !strings.Contains(table.String(), "FunctionsOnly is left out: the price sheet has no functions") {
		t.Errorf("%v\n%s", err, &table)
	}
}

// What CostOptimal is without one thing each serves the same requests, and is not the same.
func TestAblations(t *testing.T) {
	a := ask("bert-base")
	a.SLO, a.Seeds, a.Rates = 900*time.Millisecond, 1, traffic.Bursts(70, 40*time.Minute, 1)
	a.Policies = append(compare.Ablations(), compare.CostOptimal)
	r, err := compare.Compare(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	whole := r.Rows[len(r.Rows)-1].Results[0]
	hedges := func(x simulate.Result) int { return x.VMs[0].Hedges + x.Functions[0].Hedges }
	if hedges(whole) == 0 {
		t.Error("nothing was hedged")
	}
	for _, row := range r.Rows[:len(r.Rows)-1] {
		if row.Why != "" {
			t.Errorf("%s: %s", row.Policy, row.Why)
			continue
		}
		x := row.Results[0]
		if x.Requests != whole.Requests || x.SLO.Within < 0.9 || x.Dollars == whole.Dollars && x.Latency == whole.Latency {
			t.Errorf("%s: %d requests, %+v, %+v", row.Policy, x.Requests, x.Dollars, x.SLO)
		}
		if n := hedges(x); n > 0 && row.Policy == compare.NoHedging {
			t.Errorf("%s: %d hedges", row.Policy, n)
		}
	}
}

// Reach that drifts is that of the run.
func TestDrift(t *testing.T) {
	a := ask("vgg16")
	a.SLO, a.Seeds, a.Rates, a.Policies = 112*time.Millisecond, 1, slices.Repeat([]float64{300}, 60), []string{compare.FunctionsOnly}
	a.Reach = func() (depth.Reach, error) { return depth.Fixed([]float64{1, 1, 1, 1, 1}) }
	r, err := compare.Compare(t.Context(), a)
	if err != nil || r.Rows[0].Exits[4] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	for says, spoil := range map[string]func(*compare.Ask){
		"no profile":         func(a *compare.Ask) { a.Profile = nil },
		"an SLO of 0s":       func(a *compare.Ask) { a.SLO = 0 },
		"-1 seeds":           func(a *compare.Ask) { a.Seeds = -1 },
		"no requests":        func(a *compare.Ask) { a.Rates = []float64{0, 0} },
		`no policy "Random"`: func(a *compare.Ask) { a.Policies = []string{"Random"} },
		"nothing that":       func(a *compare.Ask) { a.Prices = &catalogue.Sheet{Name: "none"} },
	} {
		a := ask("vgg16")
		spoil(&a)
		if _, err := compare.Compare(t.Context(), a); !errors.Is(err, compare.ErrAsk) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// Each offer is there once, and one that is not good enough says why.
func TestOffers(t *testing.T) {
	a := ask("language-cascade")
	a.SLO = 20 * time.Second
	for i := range a.Rates {
		a.Rates[i] /= 20
	}
	a.Prices, _ = catalogue.Prices("gcp")
	all, err := compare.Offers(a)
	if err != nil {
		t.Fatal(err)
	}
	known, vms, functions, err := a.Prices.Offers(a.Profile)
	if err != nil || len(all) != len(vms)+len(functions) || len(known.Offers) == 0 {
		t.Fatalf("%d offers, %v", len(all), err)
	}
	for i, x := range all {
		if isVM := i < len(vms); isVM != (x.Kind == "VMs") || isVM && x.Offer != vms[i].Name || (x.Why == "") != (x.Dollars > 0) {
			t.Errorf("%+v", x)
		}
	}
	a.SLO = time.Second
	all, err = compare.Offers(a)
	if err != nil || !strings.Contains(all[0].Why, "meets the SLO") {
		t.Errorf("%+v, %v", all, err)
	}
}
