package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// alternative is what the stream's requests would have cost otherwise.
type alternative struct {
	name    string
	dollars float64
	late    float64 // share of requests without an answer in time
	p99     time.Duration
}

// mostTried is how many VMs are tried.
const mostTried = 64

// alternatives simulates the same requests, at the same times and leaving at the same exits,
// on functions only and on the fewest VMs that answer 99 in 100 in time.
func (s stream) alternatives(ctx context.Context) ([]alternative, error) {
	all, unlimited := stage.Range{Last: model.Stages - 1}, bigFunction
	unlimited.Concurrency = 0
	only, err := s.simulate(ctx, "functions only", provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: all, Offer: unlimited, Cold: 2 * time.Second}}})
	if err != nil {
		return nil, err
	}
	list := []alternative{only}
	for n := 1; n <= mostTried; n++ {
		on := provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: all, Offer: smallVM, VMs: n}}}
		a, err := s.simulate(ctx, fmt.Sprintf("VMs only: %d", n), on)
		if err != nil {
			return nil, err
		}
		if a.late <= 0.01 || n == mostTried {
			return append(list, a), nil
		}
	}
	return list, nil
}

func (s stream) simulate(ctx context.Context, name string, p provisioner.Plan) (alternative, error) {
	r, err := simulate.Run(ctx, simulate.Scenario{
		Stages: model.Stages, Plan: p, SLO: streamSLO, Network: s.ask.Network, Running: true, Until: streamLength,
		Times:   map[string]profile.Times{smallVM.Name: s.ask.VMs[0].Times, bigFunction.Name: s.ask.Functions[0].Times},
		Traffic: func(*rand.Rand) (traffic.Source, error) { return load.Replay(s.arrivals), nil },
		Depths:  func(*rand.Rand) (depth.Source, error) { return &load.Depths{Exits: s.exits, Stages: model.Stages}, nil },
	})
	if err != nil {
		return alternative{}, fmt.Errorf("%s: %w", name, err)
	}
	return alternative{
		name: name, dollars: r.Dollars.Total, late: 1 - float64(r.Answered)/float64(r.Requests),
		p99: time.Duration(r.Latency.P99 * float64(time.Second)),
	}, nil
}

// failures counts the requests without an answer by what they ended in.
func (s stream) failures() string {
	if len(s.failed) == 0 {
		return "None failed"
	}
	late := 0
	for _, err := range s.failed {
		if errors.Is(err, serflow.ErrDeadline) {
			late++
		}
	}
	text := fmt.Sprintf("%d failed, of which %d were out of time", len(s.failed), late)
	for _, err := range s.failed {
		if !errors.Is(err, serflow.ErrDeadline) {
			return text + "; one of the others: " + err.Error()
		}
	}
	return text
}

// print shows how the stream was served and what it cost.
func (s *stream) print(w io.Writer, others []alternative) {
	n := len(s.arrivals)
	fmt.Fprintf(w, "\nOn VMs and functions: %d requests in %v, at a rate that rises to %.0f a second; %s was killed.\n", n, streamLength, s.peak, s.killed)
	s.printFleet(w)
	fmt.Fprintf(w, "\n%d answered, %.2f %% of them right; functions took %.1f %%. %s.\n\n", n-len(s.failed), 100*float64(s.right)/float64(n-len(s.failed)), 100*functionShare(s.stats), s.failures())
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\trequests\tshare\tmedian\tp99\t\n")
	total := 0.0
	for _, g := range s.stats.Groups {
		total += float64(g.Requests - g.Failed)
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	for _, g := range s.stats.Groups {
		fmt.Fprintf(t, "%s on %ss\t%d\t%.1f %%\t%s\t%s\t\n", g.Group, g.Kind, g.Requests-g.Failed, 100*float64(g.Requests-g.Failed)/total, ms(g.Latency.Quantile(0.5)), ms(g.Latency.Quantile(0.99)))
	}
	l := s.stats.Latency
	fmt.Fprintf(t, "end to end\t%d\t\t%s\t%s\t\n", l.Count(), ms(l.Quantile(0.5)), ms(l.Quantile(0.99)))
	t.Flush()
	fmt.Fprintf(w, "\nDollars for a million such requests (an SLO of %v):\n\n", streamSLO)
	million := 1e6 / float64(n)
	fmt.Fprint(t, "\tdollars\tlate or failed\tp99\t\n")
	paid := s.stats.VMDollars + s.stats.FunctionDollars
	fmt.Fprintf(t, "this run (VMs %.2f, functions %.2f)\t%.2f\t%.2f %%\t%s\t\n", s.stats.VMDollars*million, s.stats.FunctionDollars*million, paid*million, 100*float64(len(s.failed))/float64(n), ms(l.Quantile(0.99)))
	for _, a := range others {
		fmt.Fprintf(t, "%s (simulated)\t%.2f\t%.2f %%\t%s\t\n", a.name, a.dollars*million, 100*a.late, ms(a.p99))
	}
	t.Flush()
}
