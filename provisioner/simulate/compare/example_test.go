//go:build !race

package compare_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// Ten minutes of 50 requests a second.
func ExampleCompare() {
	bert, err1 := catalogue.Profile("bert-base")
	aws, err2 := catalogue.Prices("aws")
	if err1 != nil || err2 != nil {
		fmt.Println(err1, err2)
		return
	}
	r, err := compare.Compare(context.Background(), compare.Ask{
		Profile: bert, Prices: aws, SLO: 3 * time.Second, Rates: slices.Repeat([]float64{50}, 600),
		Policies: []string{compare.CostOptimal, compare.FunctionsOnly}, Seed: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range r.Rows {
		fmt.Printf("%s: $%.2f an hour, %.1f %% in time\n", row.Policy, row.Total.Mean, 100*row.Within.Mean)
	}
	fmt.Printf("at least: $%.2f\n", r.Bound.Total.Mean)
	// Output:
	// CostOptimal: $0.11 an hour, 100.0 % in time
	// FunctionsOnly: $0.56 an hour, 99.9 % in time
	// at least: $0.09
}
