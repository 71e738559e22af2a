package planner_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// ask is a model of three stages, of which the last takes the longest and is seldom reached.
func ask(rate float64) planner.Ask {
	times, err := profile.LogNormal([]time.Duration{3 * time.Millisecond, 6 * time.Millisecond, 40 * time.Millisecond}, 0.3)
	if err != nil {
		panic(err)
	}
	return planner.Ask{
		VMs: []planner.VM{{
			Offer: provisioner.VMOffer{Name: "2-vCPU VM", VCPUs: 2, MemoryGB: 4, PerHour: 0.085},
			Times: times, CommittedPerHour: 0.055,
		}},
		Functions: []planner.Function{{
			Offer: provisioner.FunctionOffer{Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Concurrency: 1000},
			Times: times,
		}},
		SLO:     planner.SLO{Quantile: 0.99, Latency: 300 * time.Millisecond},
		Traffic: planner.Steady(rate, rate/10),
		Reach:   []float64{1, 0.3, 0.02},
		Memory:  planner.Memory{BaseMB: 300, StageMB: []float64{100, 200, 800}},
	}
}

func ExamplePlanner_Plan() {
	var p planner.Planner
	r, err := p.Plan(ask(200))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range r.Plan.VMs {
		fmt.Printf("%v on %d of %q\n", g.Stages, g.VMs, g.Offer.Name)
	}
	v := r.VMs[0]
	fmt.Printf("T-CIP %.1f requests/s, mu_sat %.0f requests/s\n", v.TCIP, v.Saturated)
	fmt.Printf("carried by 1 VM of 200 requests/s %.2f, of 400 %.1f, by 2 of 400 %.2f\n", v.Carried.Share(1, 200), v.Carried.Share(1, 400), v.Carried.Share(2, 400))
	// Output:
	// stages 1-3 on 1 of "2-vCPU VM"
	// T-CIP 62.9 requests/s, mu_sat 357 requests/s
	// carried by 1 VM of 200 requests/s 1.00, of 400 0.9, by 2 of 400 1.00
}

func ExampleResult_Explain() {
	var p planner.Planner
	r, err := p.Plan(ask(200))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(r.Explain())
	// Output:
	// 0.085 dollars an hour, 62.1 a month, for 200 requests/s: 0.085 an hour for VMs, 0 for functions, 0 for transfer.
	// More than 99.99 % of the requests should be answered within 300ms: half of them within 9.3ms, 99 % within 51.6ms.
	// VMs for stages 1-3: 1 VM of "2-vCPU VM" for all of 200 requests/s.
	//   Busy all of the time, one serves 357 requests/s, at 0.0661 dollars a million; on functions a million costs 0.376.
	//   A VM pays from 62.9 requests/s (T-CIP). Below 62.9 requests/s in all, functions alone would be cheaper.
	// Function for stages 1-3: "1769 MB function", 1769 MB of which it needs 1400; a million calls cost 0.376 dollars, and one takes 5.7ms.
	// Splitting does not pay: one group a stage would cost 0.103 dollars an hour more: 0.103 more for functions.
	// Commit to 0.055 dollars an hour: 1 VM of "2-vCPU VM" for stages 1-3 would be in use often enough, and that saves 0.03 dollars an hour.
}

func ExampleSLOError() {
	a := ask(40)
	a.SLO.Latency = 30 * time.Millisecond
	var p planner.Planner
	_, err := p.Plan(a)
	var slo *planner.SLOError
	if errors.As(err, &slo) {
		fmt.Printf("stage %d takes up to %v on %q; possible is %v\n", slo.Stage+1, slo.Takes.Round(time.Millisecond), slo.Offer, slo.Best.Round(time.Millisecond))
	}
	// Output:
	// stage 3 takes up to 76ms on "2-vCPU VM"; possible is 47ms
}

func ExampleSizes() {
	f := ask(1).Functions[0]
	sizes, err := planner.Sizes(f, 1769, nil, 885, 1769, 3538)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sizes {
		fmt.Println(s.Offer.MemoryMB, "MB:", s.Times.Mean(0, 1).Round(time.Millisecond))
	}
	// Output:
	// 885 MB: 6ms
	// 1769 MB: 3ms
	// 3538 MB: 3ms
}
