package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// outcome is what a workload came to, served or simulated.
type outcome struct {
	answered      int
	dollars       float64
	p50, p99      time.Duration
	functionShare float64            // of the requests that functions had a part in
	failed        map[string]int     // by what was said
	compared      planner.Comparison // with what a planner had planned, if one has
}

// measure measures all VMs and the function, and leaves the function there, and warm.
func (w workload) measure(ctx context.Context, cloud *local.Provider) (m serflow.Measurement, err error) {
	p, err := open(ctx, w, cloud, w.vms)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.Close(), endVMs(context.WithoutCancel(ctx), cloud)) }()
	if err := allReady(ctx, p, w.vms); err != nil {
		return m, err
	}
	samples := take(w.samples(0), w.measured)
	last := time.Now()
	m, err = p.Measure(ctx, samples, w.vms, func(done, all int) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "measuring: %d of %d\n", done, all)
		}
	})
	if err == nil {
		_, err = p.Measure(ctx, samples[:4*w.warm], w.warm, nil) // so many processes of the function are there now
	}
	return m, err
}

func take(next func() []stage.Tensor, n int) (samples [][]stage.Tensor) {
	for range n {
		samples = append(samples, next())
	}
	return samples
}

// endVMs ends the VMs that were measured: others are told what was measured.
func endVMs(ctx context.Context, cloud *local.Provider) error {
	list, err := cloud.VMs().List(ctx, owner)
	for _, vm := range list {
		err = errors.Join(err, cloud.VMs().End(ctx, vm.ID))
	}
	return err
}

// simulate has the simulator repeat what was served, on what was measured.
func (w workload) simulate(ctx context.Context, m serflow.Measurement, s served, seed uint64) (o outcome, err error) {
	cold := mock.Config{Warm: w.warm, Cold: mock.Spread{Median: m.Cold[w.function.Name]}, KeepAlive: 5 * time.Minute, Concurrency: w.concurrency}
	r, err := simulate.Run(ctx, simulate.Scenario{
		Stages: len(w.model.Stages), Plan: w.plan(w.vms), SLO: w.slo, Network: m.Network, Running: true, Until: s.length, Seed: seed,
		Times:   map[string]profile.Times{w.vm.Name: m.Profiles[w.vm.Name], w.function.Name: m.Profiles[w.function.Name]},
		Traffic: func(*rand.Rand) (traffic.Source, error) { return load.Replay(s.arrivals), nil },
		Depths: func(*rand.Rand) (depth.Source, error) {
			return &load.Depths{Exits: s.exits, Stages: len(w.model.Stages)}, nil
		},
		World: func(r *rand.Rand) (simulate.World, error) { return mock.NewWorld(cold, r) },
	})
	if err != nil {
		return o, err
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return outcome{
		answered: r.Answered, dollars: r.Dollars.Total, p50: seconds(r.Latency.P50), p99: seconds(r.Latency.P99), functionShare: r.FunctionRequests,
	}, nil
}

// kindOf is why a request has no answer, in a few words.
func kindOf(err error) string {
	for _, kind := range []error{serflow.ErrShed, serflow.ErrDeadline, serflow.ErrThrottled, serflow.ErrCapacity, serflow.ErrTries} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return err.Error()
}

func print(out io.Writer, requests int, served, simulated outcome) {
	fmt.Fprintf(out, "\n%d requests\n\n", requests)
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tserved\tsimulated\tdifference\tallowed\t\n")
	relative := func(a, b float64) string { return fmt.Sprintf("%+.1f %%", 100*(b/a-1)) }
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	fmt.Fprintf(t, "bill\t$%.6f\t$%.6f\t%s\t3 %%\t\n", served.dollars, simulated.dollars, relative(served.dollars, simulated.dollars))
	fmt.Fprintf(t, "median\t%s\t%s\t%s\t10 %%\t\n", ms(served.p50), ms(simulated.p50), relative(float64(served.p50), float64(simulated.p50)))
	fmt.Fprintf(t, "p99\t%s\t%s\t%s\t10 %%\t\n", ms(served.p99), ms(simulated.p99), relative(float64(served.p99), float64(simulated.p99)))
	fmt.Fprintf(t, "requests with a function\t%.1f %%\t%.1f %%\t%+.1f points\t2 points\t\n", 100*served.functionShare, 100*simulated.functionShare, 100*(simulated.functionShare-served.functionShare))
	fmt.Fprintf(t, "answered\t%d\t%d\t\t\t\n", served.answered, simulated.answered)
	t.Flush()
	if served.compared != nil {
		fmt.Fprintf(out, "\n%v", served.compared)
	}
	for _, text := range slices.Sorted(maps.Keys(served.failed)) {
		fmt.Fprintf(out, "not answered: %d times %s\n", served.failed[text], text)
	}
}
