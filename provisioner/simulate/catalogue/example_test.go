package catalogue_test

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
)

// A plan for a published model at a cloud's prices.
func Example() {
	bert, err1 := catalogue.Profile("bert-base")
	aws, err2 := catalogue.Prices("aws")
	if err1 != nil || err2 != nil {
		fmt.Println(err1, err2)
		return
	}
	d, vms, functions, err := aws.Offers(bert)
	if err != nil {
		fmt.Println(err)
		return
	}
	ask, err := planner.AskOf(d, vms, functions)
	if err != nil {
		fmt.Println(err)
		return
	}
	ask.SLO, ask.Traffic = planner.SLO{Latency: time.Second}, planner.Steady(60, 10)
	var p planner.Planner
	r, err := p.Plan(ask)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range r.Plan.VMs {
		fmt.Printf("%v on %d of %q\n", g.Stages, g.VMs, g.Offer.Name)
	}
	// Output:
	// stages 1-4 on 4 of "c7g.large spot"
}
