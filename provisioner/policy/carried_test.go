package policy_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner/policy"
)

func TestCarriedByHand(t *testing.T) {
	table, err := policy.NewTable([]int{1, 4}, []float64{10, 20}, [][]float64{{0.9, 0.5}, {1, 0.8}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		carried policy.Carried
		vms     int
		rate    float64
		want    float64
	}{
		"fluid, room for all": {policy.Fluid{Rate: 20}, 2, 40, 1},
		"fluid, 40 of 50":     {policy.Fluid{Rate: 20}, 2, 50, 0.8},
		"fluid, none":         {policy.Fluid{Rate: 20}, 0, 50, 0},
		// One slot at a load of 1: B = 1/(1+1). Two: a²/2 / (1+a+a²/2) = 0.5/2.5.
		"Erlang, one slot":          {policy.Erlang{Slots: 1, Rate: 5}, 1, 5, 0.5},
		"Erlang, one slot on two":   {policy.Erlang{Slots: 1, Rate: 5}, 2, 5, 0.8},
		"Erlang, two slots on one":  {policy.Erlang{Slots: 2, Rate: 5}, 1, 5, 0.8},
		"Erlang, none":              {policy.Erlang{Slots: 2, Rate: 5}, 0, 5, 0},
		"Erlang, nothing to do":     {policy.Erlang{Slots: 2, Rate: 5}, 3, 0, 1},
		"measured":                  {table, 4, 80, 0.8},
		"between loads":             {table, 1, 15, 0.7},
		"between VMs, at 10 each":   {table, 2, 20, 0.9 + 0.1/3},
		"between both, at 15 each":  {table, 3, 45, 0.7/3 + 0.9*2/3},
		"below the least load":      {table, 1, 1, 0.9},
		"beyond the highest load":   {table, 1, 40, 0.25}, // still 10 of them
		"more VMs than were tried":  {table, 8, 160, 0.8},
		"a table's share without":   {table, 0, 10, 0},
		"a table's share of no one": {table, 4, 0, 1},
	} {
		if got := c.carried.Share(c.vms, c.rate); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTableThatCannotBe(t *testing.T) {
	one := [][]float64{{1}}
	for name, c := range map[string]struct {
		vms    []int
		loads  []float64
		shares [][]float64
	}{
		"nothing":                 {nil, nil, nil},
		"no loads":                {[]int{1}, nil, [][]float64{{}}},
		"a row too many":          {[]int{1}, []float64{1}, [][]float64{{1}, {1}}},
		"no VMs":                  {[]int{0}, []float64{1}, one},
		"VMs that fall":           {[]int{2, 1}, []float64{1}, [][]float64{{1}, {1}}},
		"a load of nothing":       {[]int{1}, []float64{0}, one},
		"a load that is none":     {[]int{1}, []float64{math.NaN()}, one},
		"an endless load":         {[]int{1}, []float64{math.Inf(1)}, one},
		"a short row":             {[]int{1}, []float64{1, 2}, one},
		"more than all":           {[]int{1}, []float64{1}, [][]float64{{1.1}}},
		"a share that is none":    {[]int{1}, []float64{1}, [][]float64{{math.NaN()}}},
		"more with a higher load": {[]int{1}, []float64{1, 2}, [][]float64{{0.5, 0.6}}},
	} {
		_, err := policy.NewTable(c.vms, c.loads, c.shares)
		wants(t, name, err, policy.ErrTable)
	}
}

// A table of a Carried agrees with it where it was taken, and is near it between.
func TestTabulate(t *testing.T) {
	erlang := policy.Erlang{Slots: 2, Rate: 10}
	table, err := policy.Tabulate(erlang, []int{1, 2, 4, 8, 16}, []float64{1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 16).Draw(t, "vms")
		rate := float64(n) * rapid.Float64Range(1, 40).Draw(t, "load")
		if got, want := table.Share(n, rate), erlang.Share(n, rate); math.Abs(got-want) > 0.025 {
			t.Fatalf("%d VMs at %v: %v, want about %v", n, rate, got, want)
		}
		if n == 1 || n == 2 || n == 4 || n == 8 || n == 16 {
			rate = 14 * float64(n)
			if got, want := table.Share(n, rate), erlang.Share(n, rate); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%d VMs at %v: %v, want %v", n, rate, got, want)
			}
		}
	})
}

func ExampleTabulate() {
	table, err := policy.Tabulate(policy.Erlang{Slots: 2, Rate: 10}, []int{1, 2, 4, 8}, []float64{5, 10, 15, 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range []int{1, 2, 4, 8} { // the same load on each: more VMs pool better
		fmt.Printf("%d VMs carry %.0f %%\n", n, 100*table.Share(n, 15*float64(n)))
	}
	// Output:
	// 1 VMs carry 69 %
	// 2 VMs carry 79 %
	// 4 VMs carry 88 %
	// 8 VMs carry 94 %
}
