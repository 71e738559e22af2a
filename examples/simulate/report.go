package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

// report is what a comparison came to.
type report struct {
	settings settings
	work     workload
	plans    []outcome
}

// outcome is what a plan came to: a result for each seed, and their means.
type outcome struct {
	plan    plan
	results []simulate.Result

	vms, functions float64 // dollars an hour
	p50, p99       float64 // seconds
	within         float64 // share of requests
	good, minutes  int     // of all seeds
	met            int     // seeds at which the SLO was
	share          float64 // of functions
	utilisation    float64 // of VMs
}

func newReport(s settings, w workload, plans []plan, results []simulate.Result) report {
	r := report{settings: s, work: w}
	for i, p := range plans {
		o := outcome{plan: p}
		for j := i; j < len(results); j += len(plans) {
			o.add(results[j], 1/float64(s.seeds))
		}
		r.plans = append(r.plans, o)
	}
	return r
}

// add takes in the result of a seed, which has a weight in the means.
func (o *outcome) add(r simulate.Result, weight float64) {
	o.results = append(o.results, r)
	hours := r.Seconds / 3600
	o.vms += weight * r.Dollars.VMs / hours
	o.functions += weight * r.Dollars.Functions / hours
	o.p50 += weight * r.Latency.P50
	o.p99 += weight * r.Latency.P99
	o.within += weight * r.SLO.Within
	o.share += weight * r.FunctionShare
	for _, g := range r.VMs {
		o.utilisation += weight * g.Utilisation
	}
	o.good += r.SLO.Good
	o.minutes += r.SLO.Windows
	if r.SLO.Met {
		o.met++
	}
}

// cost is in dollars an hour.
func (o *outcome) cost() float64 { return o.vms + o.functions }

// cheapest is the plan that costs least of those that met the SLO with every seed; nil
// if there is none.
func (r report) cheapest() (best *outcome) {
	for i := range r.plans {
		if o := &r.plans[i]; o.met == r.settings.seeds && (best == nil || o.cost() < best.cost()) {
			best = o
		}
	}
	return best
}

func (r report) print(out io.Writer) {
	r.printWork(out)
	r.printAssumed(out)
	r.printPlans(out)
	r.printVerdict(out)
}

func (r report) printWork(out io.Writer) {
	w, n := r.work, r.work.network
	fmt.Fprintf(out, "Traffic  %s: %d requests in %v,\n", w.name, w.recorded.Requests, w.recorded.Length)
	fmt.Fprintf(out, "         its rate smoothed and redrawn at %.4g requests a second: %.4g vCPUs of work on average.\n", w.rate, r.settings.vcpus)
	fmt.Fprintf(out, "Model    %s, %d stages, reached by", modelName, len(n.cost))
	for _, reach := range n.exits.Reach() {
		fmt.Fprintf(out, " %.3g", 100*reach)
	}
	fmt.Fprintf(out, " %% of requests; exits certified to lose at\n         most %g points; %.4g of %.4g million multiply-adds a request.\n", bound, n.mean()/1e6, n.full()/1e6)
	fmt.Fprintf(out, "SLO      99 %% of requests within %v in 99.5 %% of minutes; later than that there is no answer.\n", r.settings.slo)
}

func (r report) printAssumed(out io.Writer) {
	s, n := r.settings, r.work.network
	fmt.Fprintf(out, "\nAssumed, not measured (flags change some of it):\n")
	fmt.Fprintf(out, "  speed     a full pass takes %v on a vCPU of a VM or a function (%.3g G multiply-adds a second), each\n", s.pass, n.full()/1e9/s.pass.Seconds())
	fmt.Fprintf(out, "            stage its share; log-normal, coefficient of variation %g; no batches\n", s.cv)
	fmt.Fprintf(out, "  depth     correlated over %g requests\n", s.runs)
	fmt.Fprintf(out, "  network   %v one way to a VM, %v to a function\n", paths.VM.Latency, paths.Function.Latency)
	fmt.Fprintf(out, "  starts    a VM boots in %v, a cold function in %v (medians); idle ones stay for %v\n", s.boot, coldStart.Median, keepAlive)
	fmt.Fprintf(out, "Prices are like those that large clouds list; put yours in their place (assumed.go):\n")
	fmt.Fprintf(out, "  %-20s  $%.4f an hour\n", vmOffer.Name, vmOffer.PerHour)
	fmt.Fprintf(out, "  %-20s  $%.10f a GB-second, $%.2f a million calls, rounded up to %v\n", functionOffer.Name, functionOffer.PerGBSecond, 1e6*functionOffer.PerCall, functionOffer.Round)
}

func (r report) printPlans(out io.Writer) {
	fmt.Fprint(out, "\nThe same requests on each plan")
	if r.settings.seeds > 1 {
		fmt.Fprintf(out, " (means of seeds %d to %d)", r.settings.seed, r.settings.seed+uint64(r.settings.seeds)-1)
	} else {
		fmt.Fprintf(out, " (seed %d)", r.settings.seed)
	}
	fmt.Fprint(out, ":\n\n")
	best := r.cheapest()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "plan\tVMs $/h\tfunctions $/h\ttotal $/h\tp50\tp99\tin time\tgood minutes\tSLO\ton functions\tVMs busy\t\n")
	for i := range r.plans {
		o := &r.plans[i]
		name := o.plan.name
		if o == best {
			name = "* " + name
		}
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%.4f\t%v\t%v\t%.2f %%\t%d of %d\t%s\t%.1f %%\t%s\t\n", name, o.vms, o.functions, o.cost(),
			milliseconds(o.p50), milliseconds(o.p99), 100*o.within, o.good, o.minutes, o.verdict(), 100*o.share, o.busy())
	}
	t.Flush()
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.1f ms", 1e3*seconds) }

func (o *outcome) verdict() string {
	switch {
	case o.met == len(o.results):
		return "met"
	case o.met == 0:
		return "missed"
	}
	return fmt.Sprintf("met %d of %d", o.met, len(o.results))
}

func (o *outcome) busy() string {
	if len(o.plan.VMs) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*o.utilisation)
}

func (r report) printVerdict(out io.Writer) {
	if best := r.cheapest(); best == nil {
		fmt.Fprint(out, "\nNone of these plans meets the SLO.\n")
	} else {
		fmt.Fprintf(out, "\n* The cheapest plan that meets the SLO: %s, %.4f $/h.\n", best.plan.name, best.cost())
	}
	fmt.Fprint(out, "p50 and p99 are of answered requests. \"On functions\" is a share of the runs of a stage, \"VMs busy\" one of slots.\n")
	fmt.Fprint(out, "The fleets are fixed: nothing follows the load yet, so this shows what plans cost, and no saving by Serflow.\n")
	if r.settings.boot > 0 {
		fmt.Fprintf(out, "VMs are launched as traffic begins; without functions nothing answers for the first %v or so (-boot 0: they are there).\n", r.settings.boot.Round(time.Second))
	}
}
