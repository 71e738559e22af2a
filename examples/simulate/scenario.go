package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

// sample is when requests of an hour came. Its source and licence are in the folder.
//
//go:embed trace/azure-llm-conv-2023-times.csv.gz
var sample []byte

const sampleName = "Azure LLM inference trace 2023, conversation"

// workload is what every plan is to serve.
type workload struct {
	trace    traffic.Trace
	name     string
	recorded traffic.Summary
	rate     float64 // requests a second, on average, at which it is redrawn
	times    profile.Times
	network  network
	runs     float64
}

// newWorkload's error names the flag that is at fault.
func newWorkload(s settings, n network) (workload, error) {
	w := workload{
		name: sampleName, network: n, runs: s.runs,
		trace: traffic.Trace{Format: s.format, From: s.from, To: s.to, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(sample)), nil
		}},
	}
	if s.trace != "" {
		w.name = s.trace
		w.trace.Open = func() (io.ReadCloser, error) { return os.Open(s.trace) }
	}
	var err error
	if w.recorded, err = w.trace.Measure(); err != nil {
		return w, fmt.Errorf("-trace, -format, -from, -to: %s: %w", w.name, err)
	}
	if err := w.checkEnd(s.to); err != nil {
		return w, err
	}
	if w.times, err = timesOf(s, n); err != nil {
		return w, fmt.Errorf("-pass %v -cv %v: %w", s.pass, s.cv, err)
	}
	if _, err := w.depths(rand.New(rand.NewPCG(s.seed, 0))); err != nil {
		return w, fmt.Errorf("-runs %v: %w", s.runs, err)
	}
	if err := cloud(s.boot).Validate(); err != nil {
		return w, fmt.Errorf("-boot %v: %w", s.boot, err)
	}
	w.rate = s.vcpus / (s.pass.Seconds() * n.mean() / n.full())
	return w, nil
}

// checkEnd refuses a cut beyond the end of the trace. Silence that nobody recorded would
// be averaged into the rate, and the load while requests come be higher than asked for.
func (w workload) checkEnd(to time.Duration) error {
	if to == 0 || w.trace.Format == traffic.Counts { // which Measure has checked
		return nil
	}
	whole := w.trace
	whole.From, whole.To = 0, 0
	all, err := whole.Measure()
	if err != nil {
		return fmt.Errorf("-trace: %s: looking for its end: %w", w.name, err)
	}
	if to > all.Length {
		return fmt.Errorf("-to %v: the trace ends at %v: cut it there or before, or leave -to out", to, all.Length)
	}
	return nil
}

// arrivals follow the trace's smoothed rate: to multiply its requests would make
// traffic burstier than any real one.
func (w workload) arrivals(r *rand.Rand) (traffic.Source, error) { return w.trace.Redraw(w.rate, 0, r) }

// depths come in runs, as they do in reality; the validation images do not say of what
// length, for they lie in random order.
func (w workload) depths(r *rand.Rand) (depth.Source, error) {
	ranks, err := depth.Persistent(w.runs, r)
	if err != nil {
		return nil, err
	}
	reach, err := depth.Fixed(w.network.exits.Reach())
	if err != nil {
		return nil, err
	}
	return depth.New(ranks, reach), nil
}

// plan is one fixed way to serve the model.
type plan struct {
	name string
	provisioner.Plan
}

// plansOf are functions only, and fleets of each size with and without functions. Each
// group has the whole model.
func plansOf(s settings, n network) []plan {
	whole := stage.Range{Last: len(n.cost) - 1}
	functions := []provisioner.FunctionGroup{{Stages: whole, Offer: functionOffer, Cold: coldStart.P99}}
	plans := []plan{{"functions only", provisioner.Plan{Functions: functions}}}
	for _, vms := range s.vms {
		name := fmt.Sprintf("%d VMs", vms)
		if vms == 1 {
			name = "1 VM"
		}
		group := []provisioner.VMGroup{{Stages: whole, Offer: vmOffer, VMs: vms}}
		plans = append(plans,
			plan{name + " only", provisioner.Plan{VMs: group}},
			plan{name + " + functions", provisioner.Plan{VMs: group, Functions: functions}})
	}
	for i := range plans {
		plans[i].Reach = n.exits.Reach()
	}
	return plans
}

// scenarios are all plans with the first seed, then all with the next. With the same
// seed requests come at the same times and go equally deep.
func (w workload) scenarios(s settings, plans []plan) (all []simulate.Scenario) {
	for i := range s.seeds {
		for _, p := range plans {
			all = append(all, simulate.Scenario{
				Stages: len(w.network.cost), Plan: p.Plan,
				Times:   map[string]profile.Times{vmOffer.Name: w.times, functionOffer.Name: w.times},
				Traffic: w.arrivals, Depths: w.depths,
				SLO: s.slo, Network: paths,
				World: newWorld(cloud(s.boot)), Running: s.boot == 0,
				Patience: provisioner.Patience{Boot: max(10*time.Minute, 3*s.boot)},
				Until:    w.recorded.Length, Seed: s.seed + uint64(i),
			})
		}
	}
	return all
}
