package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/stage"
)

// What is rented: prices and limits of the kind that large clouds list.
var (
	vmOffer       = provisioner.VMOffer{Name: "VM", VCPUs: 2, MemoryGB: 4, PerHour: 0.0850, Minimum: time.Minute}
	functionOffer = provisioner.FunctionOffer{
		Name: "function", MemoryMB: 1769, PerCall: 0.20e-6, PerGBSecond: 0.0000166667, Round: time.Millisecond, Concurrency: 1000,
	}
)

// situation is a way to serve a model.
type situation struct {
	name        string
	about       string
	utilisation float64 // of the fleet, by the mean rate
	split       bool    // two groups of VMs, the second for the last half of the stages
	front       bool    // VMs for the first half of the stages only
	wide        bool    // the SLO is 20 full passes, and not five
	deep        bool    // hardly a request leaves at a stage but the last
	functions   bool
	stalls      bool // one batch in 500 takes 20 times as long
	calls       int  // of functions at once; 0 for as many as the offer says
}

var situations = []situation{
	{name: "calm", about: "one VM group and a function that takes over; the fleet is 80 % busy", utilisation: 0.8, functions: true},
	{name: "busy", about: "the same, but the fleet has no room to spare: what its VMs could do if they never waited", utilisation: 1, functions: true},
	{name: "throttled", about: "a busy fleet, and a cloud that refuses more than a few calls at once, which nobody has said", utilisation: 1, functions: true, calls: 4},
	{name: "stalls", about: "as calm, but one batch in 500 takes 20 times as long", utilisation: 0.8, functions: true, stalls: true},
	{name: "overload", about: "two VM groups and no functions, with half of the VMs that the second one needs", utilisation: 1, split: true},
	{name: "pipeline", about: "as overload, but of the requests all but one in twenty go all the way", utilisation: 1, split: true, deep: true},
	{name: "front", about: "VMs for the first half of the stages, two where three would be needed, and functions, alone behind them; the SLO is 20 full passes", utilisation: 1.5, front: true, functions: true, wide: true},
	{name: "short", about: "one VM group, two VMs where three would be needed, and a function that takes over; the SLO is 20 full passes", utilisation: 1.5, functions: true, wide: true},
	{name: "flood", about: "one VM group and no functions, with half of the VMs that it needs", utilisation: 2},
}

// variant is what the balancer does without, or with though it is off by default.
type variant struct {
	name    string
	without balancer.Mechanism
	with    balancer.Mechanism
	single  bool // no batches
}

var variants = []variant{
	{name: "as it is"},
	{name: "without deadline routing", without: balancer.Deadlines},
	{name: "without hedging", without: balancer.Hedging},
	{name: "without batching", single: true},
	{name: "without adaptive concurrency", without: balancer.Concurrency},
	{name: "without shedding", without: balancer.Shedding},
	{name: "without warm instances", without: balancer.Warmth},
	{name: "without downstream admission", without: balancer.Downstream},
	{name: "with adaptive concurrency of VMs", with: balancer.Rooms},
}

// table is one situation of one model at one load.
type table struct {
	shape
	situation
	vcpus float64
}

func tables(models []shape) (all []table) {
	for _, s := range situations {
		for _, m := range models {
			for _, vcpus := range []float64{2, 8, 32} {
				t := table{m, s, vcpus}
				if s.deep {
					t.reach = slices.Repeat([]float64{0.95}, len(m.reach))
					t.reach[0] = 1
				}
				all = append(all, t)
			}
		}
	}
	return all
}

// run prints the table: what the balancer does with and without.
func (t table) run(ctx context.Context, all traces, seed uint64, stdout, stderr io.Writer) error {
	var scenarios []simulate.Scenario
	for _, v := range variants {
		for i := range stretches {
			scenarios = append(scenarios, t.scenario(v, all, i, seed))
		}
	}
	results, err := simulate.RunAll(ctx, scenarios, progress(stderr, t.title()))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n### %s of work, SLO %v\n\n%s.\n\n", t.title(), t.slo(), t.about)
	fmt.Fprintln(stdout, "| | within the SLO | p50 ms | p99 ms | dollars a million | by functions | hedged | shed | late | told early, after | refused |")
	fmt.Fprintln(stdout, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for i, v := range variants {
		s := sum(results[i*stretches : (i+1)*stretches])
		fmt.Fprintf(stdout, "| %s | %.2f %% | %.2f | %.2f | %.3f | %.2f %% | %.2f %% | %.2f %% | %.2f %% | %s | %.2f %% |\n", v.name, 100*s.within/s.requests,
			1000*s.p50, 1000*s.p99, 1e6*s.dollars/s.requests, 100*s.share/stretches, 100*s.hedges/s.requests, 100*s.shed/s.requests, 100*s.late/s.requests,
			s.toldOf(t.slo()), 100*s.refused/s.requests)
	}
	return nil
}

func (t table) title() string {
	return fmt.Sprintf("%s, %s, %g vCPUs", t.situation.name, t.shape.name, t.vcpus)
}

func (t table) slo() time.Duration {
	passes := time.Duration(5)
	if t.wide {
		passes = 20
	}
	return (passes * t.full).Round(time.Millisecond)
}

// totals are of all stretches; latencies are the worst stretch's.
type totals struct {
	requests, within, p50, p99, dollars, share, hedges, shed, late, refused float64
	early, told                                                             float64
}

// toldOf says how many of the requests that were lost were told so before their deadline, and after
// how much of the SLO, in the median.
func (s totals) toldOf(slo time.Duration) string {
	lost := s.shed + s.late
	if lost == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%, %.0f %%", 100*s.early/lost, 100*s.told/lost/slo.Seconds())
}

func sum(results []simulate.Result) (s totals) {
	for _, r := range results {
		n := float64(r.Requests)
		s.requests += n
		s.within += n * r.SLO.Within
		s.p50, s.p99 = max(s.p50, r.Latency.P50), max(s.p99, r.Latency.P99)
		s.dollars += r.Dollars.Total
		s.share += r.FunctionShare
		s.shed += float64(r.Failed.Shed)
		s.late += float64(r.Failed.Deadline + r.Failed.Tries)
		s.early += float64(r.Early)
		s.told += r.Told.P50 * float64(r.Failed.Deadline+r.Failed.Shed+r.Failed.Tries)
		for _, g := range r.VMs {
			s.hedges += float64(g.Hedges)
		}
		for _, g := range r.Functions {
			s.refused += float64(g.Throttled)
			s.hedges += float64(g.Hedges)
		}
	}
	return s
}

func (t table) scenario(v variant, all traces, stretch int, seed uint64) simulate.Scenario {
	source, length := all.at(stretch, t.vcpus/t.work())
	times := t.times
	if t.stalls {
		times = stalling{times}
	}
	s := simulate.Scenario{
		Stages: len(t.reach), Plan: t.plan(v), Times: map[string]profile.Times{vmOffer.Name: times, functionOffer.Name: t.times},
		Traffic: source, Depths: t.depths, SLO: t.slo(), Network: t.network(), Running: true, Until: length, Seed: seed + uint64(stretch),
		World: func(r *rand.Rand) (simulate.World, error) {
			return mock.NewWorld(mock.Config{Concurrency: t.calls, Cold: mock.Spread{Median: 400 * time.Millisecond, P99: 1200 * time.Millisecond}, KeepAlive: 10 * time.Minute}, r)
		},
	}
	s.Rules.Without, s.Rules.With = v.without, v.with
	return s
}

// plan rents as many VMs as are busy to the utilisation without batches, in proportion to the
// work of their stages.
func (t table) plan(v variant) provisioner.Plan {
	p := provisioner.Plan{Reach: t.reach}
	last, batch := len(t.reach)-1, t.batch
	if v.single {
		batch = 1
	}
	ranges := []stage.Range{{Last: last}}
	if t.split {
		ranges = []stage.Range{{Last: last / 2}, {First: last/2 + 1, Last: last}}
	}
	if t.front {
		ranges = []stage.Range{{Last: last / 2}}
	}
	for i, r := range ranges {
		share := 0.0
		for s := r.First; s <= r.Last; s++ {
			share += t.reach[s] * t.times.Mean(s, 1).Seconds() / t.work()
		}
		vms := max(int(math.Ceil(share*t.vcpus/t.utilisation/vmOffer.VCPUs)), 1)
		if t.split && i == 1 { // the first group is fast enough to flood it
			vms = max(vms/2, 1)
		}
		p.VMs = append(p.VMs, provisioner.VMGroup{Stages: r, Offer: vmOffer, VMs: vms, MaxBatch: batch})
	}
	if t.functions {
		offer := functionOffer
		if t.calls > 0 {
			offer.Concurrency = 0
		}
		p.Functions = []provisioner.FunctionGroup{{Stages: stage.Range{Last: last}, Offer: offer, Cold: 1200 * time.Millisecond}}
	}
	return p
}

// stalling are times of which one in so many is much longer, as when a host moves a VM.
type stalling struct{ profile.Times }

const stallEvery, stallFactor = 500, 20

func (s stalling) Draw(stage, rows int, r *rand.Rand) time.Duration {
	d := s.Times.Draw(stage, rows, r)
	if r.Uint64N(stallEvery) == 0 {
		d *= stallFactor
	}
	return d
}
