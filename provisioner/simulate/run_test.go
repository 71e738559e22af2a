package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// audit runs a scenario. What the fleet has counted must be the bill: of every VM, also if it
// came and went before its launch was answered.
func audit(t *testing.T, s simulate.Scenario) simulate.Result {
	t.Helper()
	res, spent, err := simulate.Audit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(spent-res.Dollars.VMs) > 1e-9*max(1, spent) {
		t.Errorf("the fleet has counted $%.9f for VMs, the bill is $%.9f", spent, res.Dollars.VMs)
	}
	return res
}

// split has stage 1 on one VM of one slot, and stage 2 on a function.
func split(t *testing.T) simulate.Scenario {
	return simulate.Scenario{
		Stages: 2,
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 0), Offer: vmOffer, VMs: 1}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(1, 1), Offer: fnOffer}},
		},
		Times:   map[string]profile.Times{"vm": fixed(t, 10*ms, 20*ms), "fn": fixed(t, 12*ms, 24500*time.Microsecond)},
		Traffic: scripted(time.Second, 2*time.Second, 2*time.Second+4*ms, 50*time.Second),
		Depths:  scriptedDepths(0, 1, 1, 1),
		Running: true,
	}
}

// A bill and latencies worked by hand.
//
// Four requests, of which three go on to stage 2. The VM is rented from 0 to 100.2 s:
// 101 s at $0.0001. The function runs three calls of 24.5 ms. The first and the second
// overlap, so both meet a cold start of 200 ms; an instance is still there for the third.
// Each is billed in whole milliseconds: 225, 225 and 25 ms at 1 GB and $0.00002 a
// GB-second, and $0.0000002 a call. Every request carries 1,000 bytes to the VM and 400 on to
// stage 2, which travel back from the VM and then to the function; an answer has 40. The
// VM's path costs $0.01 a GB, the function's $0.09.
func TestBillByHand(t *testing.T) {
	s := split(t)
	s.Until, s.Plan.Functions[0].Cold = 100200*ms, 200*ms
	s.World = world(mock.Config{Cold: mock.Spread{Median: 200 * ms}, KeepAlive: time.Minute})
	s.Network = provisioner.Network{
		VM: provisioner.Path{Latency: ms, DollarsPerGB: 0.01}, Function: provisioner.Path{Latency: 5 * ms, BitsPerSec: 3.2e6, DollarsPerGB: 0.09},
		Payload: []int{1000, 400}, Answer: 40,
	}
	var took []time.Duration
	s.Observe = func(o simulate.Outcome) { took = append(took, o.Ended-o.Arrived) }
	res := audit(t, s)

	dollar := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: $%.12f, want $%.12f", what, got, want)
		}
	}
	dollar("VMs", res.Dollars.VMs, 101*0.0001)
	dollar("functions", res.Dollars.Functions, 3*2e-7+(0.225+0.225+0.025)*2e-5)
	dollar("transfer", res.Dollars.Transfer, (4*1000+1*40+3*400)*0.01e-9+3*(400+40)*0.09e-9)
	dollar("total", res.Dollars.Total, 0.0101+0.0000101+0.00000005240+0.0000001188)

	// 400 bytes take 1 ms to the function, 40 take 0.1 ms back. The third request waits
	// 6 ms for the slot.
	deep := 1*ms + 10*ms + 1*ms + 6*ms + 224500*time.Microsecond + 5100*time.Microsecond
	want(t, "latencies", took, []time.Duration{12 * ms, deep, deep + 6*ms, deep - 200*ms})
	want(t, "calls", fmt.Sprint(res.Functions[0].Calls, res.Functions[0].Cold, res.Functions[0].StageRuns), "3 2 3")
	want(t, "VM", fmt.Sprint(res.VMs[0].Launched, res.VMs[0].VMSeconds, res.VMs[0].StageRuns), "1 100.2 4")
	want(t, "busy share", math.Round(res.VMs[0].Utilisation*100.2*1e6), 40e3)
	want(t, "share of functions", res.FunctionShare, 3./7)
	want(t, "reach", res.Reach, []float64{1, 0.75})
}

// Nothing is ready before the VMs have booted: the functions carry it all, if there are
// any, and VMs are billed from their launch.
func TestBoot(t *testing.T) {
	s := simulate.Scenario{
		Stages: 1,
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 0), Offer: vmOffer, VMs: 2}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 0), Offer: fnOffer}},
		},
		Times:   map[string]profile.Times{"vm": fixed(t, 10*ms), "fn": fixed(t, 15*ms)},
		World:   world(mock.Config{Boot: mock.Spread{Median: 40 * time.Second}, Answer: mock.Spread{Median: time.Second}}),
		Traffic: scripted(0, 20*time.Second, 39*time.Second, 41*time.Second, 70*time.Second),
		Depths:  scriptedDepths(0),
		SLO:     50 * ms,
	}
	res := audit(t, s)
	want(t, "calls, requests to VMs", fmt.Sprint(res.Functions[0].Calls, res.VMs[0].Requests), "3 2")
	want(t, "VM seconds", res.VMs[0].VMSeconds, 2*70.01)
	want(t, "answered within the SLO", res.SLO.Within, 1)

	s.Plan.Functions = nil
	res = audit(t, s)
	want(t, "without functions", fmt.Sprint(res.Answered, res.Failed.Shed, res.SLO.Within), "2 3 0.4")
}

// A request that its VM would finish too late is handed back in time for the function.
func TestOverflow(t *testing.T) {
	s := simulate.Scenario{
		Stages: 1,
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 0), Offer: vmOffer, VMs: 1}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 0), Offer: fnOffer}},
		},
		Times:   map[string]profile.Times{"vm": fixed(t, 10*ms), "fn": fixed(t, 10*ms)},
		Traffic: scripted(0, 0, 0, 0, 0), Depths: scriptedDepths(0), Running: true, SLO: 35 * ms,
	}
	res := audit(t, s)
	want(t, "all in time", fmt.Sprint(res.Answered, res.SLO.Within), "5 1")
	want(t, "as many as the VM can", fmt.Sprint(res.VMs[0].StageRuns, res.Functions[0].Calls), "3 2")

	s.Plan.Functions = nil
	res = audit(t, s)
	want(t, "with nowhere to go", fmt.Sprint(res.Answered, res.Failed), "3 {2 0 0}")
}

func TestThrottledFunction(t *testing.T) {
	s := split(t)
	s.Plan.Functions[0].Stages = stages(0, 1)
	s.Plan.VMs = nil
	s.Traffic, s.Depths = scripted(0, ms, 2*ms), scriptedDepths(1)
	s.World = world(mock.Config{Concurrency: 1})
	res := audit(t, s)
	want(t, "answered, failed, some throttled", fmt.Sprint(res.Answered, res.Failed, res.Functions[0].Throttled > 0), "3 {0 0 0} true")
	s.Plan.Functions[0].Offer.Concurrency = 1 // now the balancer knows
	res = audit(t, s)
	want(t, "answered, failed, throttled", fmt.Sprint(res.Answered, res.Failed, res.Functions[0].Throttled), "3 {0 0 0} 0")
	s.SLO = 45 * ms
	res = audit(t, s)
	want(t, "those that could not wait", fmt.Sprint(res.Answered, res.Failed.Shed), "1 2")
}

// Batches: rows of one stage that wait together share a slot. A second row makes a batch 5 % longer.
func TestBatch(t *testing.T) {
	times, err := profile.BatchGain(fixed(t, 10*ms, 20*ms), steep)
	if err != nil {
		t.Fatal(err)
	}
	s := simulate.Scenario{
		Stages:  2,
		Plan:    provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stages(0, 1), Offer: vmOffer, VMs: 1, MaxBatch: 4}}},
		Times:   map[string]profile.Times{"vm": times},
		Traffic: scripted(0, 2*ms, 3*ms), Depths: scriptedDepths(0, 1, 0), Running: true,
	}
	var took []time.Duration
	s.Observe = func(o simulate.Outcome) { took = append(took, o.Ended) }
	res := audit(t, s)
	want(t, "ends", took, []time.Duration{10 * ms, 20500 * time.Microsecond, 40500 * time.Microsecond})
	want(t, "stage runs", res.VMs[0].StageRuns, 4)
}

func TestZeroTraffic(t *testing.T) {
	s := split(t)
	s.Traffic, s.Until = poisson(0, time.Minute), 90*time.Second
	res := audit(t, s)
	want(t, "only the VM is paid", fmt.Sprintf("%d %.6f %v %v", res.Requests, res.Dollars.Total, res.Latency.P99, res.SLO.Met), "0 0.009000 0 false")
}

// Instances that are kept warm are paid whether they are called or not: for 90 s, and for the 60 s that
// count if the first 30 do not.
func TestIdlePrice(t *testing.T) {
	s := split(t)
	s.Traffic, s.Until = poisson(0, time.Minute), 90*time.Second
	s.Plan.Functions[0].Offer.IdlePerHour = 0.4
	want(t, "idle", fmt.Sprintf("%.6f", audit(t, s).Dollars.Functions), "0.010000")
	s.Settle = 30 * time.Second
	res, err := simulate.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "idle while it counts", fmt.Sprintf("%.6f", res.Dollars.Functions), "0.006667")
}

// chaos is a cloud in which everything goes wrong.
var chaos = mock.Config{
	Boot: mock.Spread{Median: 30 * time.Second, P99: 3 * time.Minute}, Unregistered: 0.1, Insufficient: 0.2, HalfGranted: 0.3,
	Answer: mock.Spread{Median: time.Second, P99: 2 * time.Minute}, LostAnswers: 0.2, Crashes: 30, Interruptions: 20,
	Outages: []mock.Window{{From: 5 * time.Minute, To: 7 * time.Minute}}, Notice: 20 * time.Second,
	Cold: mock.Spread{Median: 200 * ms, P99: time.Second}, KeepAlive: 10 * time.Second, Concurrency: 12,
}

func chaotic(t testing.TB) simulate.Scenario {
	spot := vmOffer
	spot.Name, spot.Market = "spot", provisioner.Spot
	times, err := profile.LogNormal([]time.Duration{10 * ms, 20 * ms, 30 * ms}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return simulate.Scenario{
		Stages: 3,
		Plan: provisioner.Plan{
			Reach: []float64{1, 0.5, 0.3},
			VMs: []provisioner.VMGroup{
				{Stages: stages(0, 1), Offer: spot, VMs: 4, Slots: 2, MaxBatch: 3, Window: ms, Limit: 9},
				{Stages: stages(2, 2), Offer: vmOffer, VMs: 3, Slots: 2},
			},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 2), Offer: fnOffer}},
		},
		Times:    map[string]profile.Times{"spot": times, "vm": times, "fn": times},
		Network:  provisioner.Network{VM: provisioner.Path{Latency: ms}, Function: provisioner.Path{Latency: 3 * ms}},
		World:    world(chaos),
		Patience: provisioner.Patience{Boot: 2 * time.Minute, List: time.Minute, Drain: 30 * time.Second},
		SLO:      300 * ms, Traffic: poisson(120, 15*time.Minute), Depths: independent(1, 0.5, 0.3),
	}
}

// VM-seconds billed are VM-seconds lived, also of VMs that crash, never register or are
// taken back.
func TestBillInChaos(t *testing.T) {
	c := chaos
	c.Answer, c.LostAnswers = mock.Spread{}, 0
	s := chaotic(t)
	s.World = world(c)
	res := audit(t, s)
	if res.VMs[0].Launched < 6 {
		t.Errorf("not the chaos that is meant: %+v", res.VMs)
	}
	for _, g := range res.VMs {
		// Each VM's bill is rounded up by less than a second, to a minute at least.
		if short := g.Dollars/0.0001 - g.VMSeconds; short < 0 || short > 60*float64(g.Launched) {
			t.Errorf("%s: billed $%v for %v VM-seconds", g.Stages, g.Dollars, g.VMSeconds)
		}
	}
}

// VMs that are there at the start are lost like others, and replaced.
func TestRunningVMsAreLostToo(t *testing.T) {
	s := split(t)
	s.Running, s.Until = true, time.Hour
	s.World = world(mock.Config{Crashes: 10, Boot: mock.Spread{Median: time.Minute}})
	if res := audit(t, s); res.VMs[0].Launched < 3 || res.VMs[0].VMSeconds > 3600 {
		t.Errorf("launched %d, lived %v s", res.VMs[0].Launched, res.VMs[0].VMSeconds)
	}
}

// counted counts what a source yields.
type counted struct {
	traffic.Source
	n *int
}

func (c counted) Next() (time.Duration, error) {
	at, err := c.Source.Next()
	if err == nil {
		*c.n++
	}
	return at, err
}

// The limits hold, whatever the plan says.
func TestLimits(t *testing.T) {
	s := split(t)
	s.Plan.VMs[0].VMs, s.Limits = 5, provisioner.Limits{VMs: 2, PerHour: 10, PerDay: 100}
	for _, s.Running = range []bool{true, false} {
		want(t, fmt.Sprint("launched, running at the start: ", s.Running), audit(t, s).VMs[0].Launched, 2)
	}
}

func TestCancelled(t *testing.T) {
	s := split(t)
	s.Traffic = poisson(1000, 1000*time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	s.Progress = func(time.Duration) { cancel() }
	if _, err := simulate.Run(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := simulate.Run(ctx, split(t)); !errors.Is(err, context.Canceled) { // it was from the start
		t.Errorf("a short run: %v", err)
	}
}

// Outcomes name what requests ended in.
func TestOutcomeErrors(t *testing.T) {
	s := split(t)
	s.Plan.VMs[0].VMs = 0
	var errs []error
	s.Observe = func(o simulate.Outcome) { errs = append(errs, o.Err) }
	audit(t, s)
	for _, err := range errs {
		if !errors.Is(err, balancer.ErrNoPlace) {
			t.Errorf("got %v", err)
		}
	}
	want(t, "requests", len(errs), 4)
}

// Bursts of four requests, half an hour apart, with a cold start of 200 ms and 30 ms to spare. Only the first finds no
// instances: a quarter more are kept from the next look on, and half as many after three hours. From minute 2 on five are called
// every four minutes, fifteen times. Of
// those calls, each of which takes 50 ms, one meets a cold start: there are four instances when five are called first.
func TestKeptWarm(t *testing.T) {
	s := simulate.Scenario{
		Stages:  1,
		Plan:    provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stages(0, 0), Offer: fnOffer, Cold: 200 * ms}}},
		Times:   map[string]profile.Times{"fn": fixed(t, 12*ms)},
		World:   world(mock.Config{Cold: mock.Spread{Median: 200 * ms}, KeepAlive: 5 * time.Minute}),
		Depths:  scriptedDepths(0),
		SLO:     50 * ms,
		Traffic: scripted(slices.Concat(slices.Repeat([]time.Duration{time.Second}, 4), slices.Repeat([]time.Duration{29 * time.Minute}, 4), slices.Repeat([]time.Duration{59 * time.Minute}, 4))...),
		Until:   time.Hour - time.Second,
	}
	cold := audit(t, withoutWarmth(s))
	want(t, "without: answered, cold", fmt.Sprint(cold.Answered, cold.Functions[0].Cold, cold.Functions[0].Warmed), "0 12 0")
	res := audit(t, s)
	want(t, "answered, cold", fmt.Sprint(res.Answered, res.Functions[0].Cold), "8 4")
	want(t, "calls to keep", res.Functions[0].Warmed, 15*5)
	bill := (12+15*5)*fnOffer.PerCall + (4*0.212+8*0.012+15*5*0.050+0.200)*fnOffer.PerGBSecond
	if math.Abs(res.Dollars.Functions-bill) > 1e-12 {
		t.Errorf("functions: $%.12f, want $%.12f", res.Dollars.Functions, bill)
	}
}

func withoutWarmth(s simulate.Scenario) simulate.Scenario {
	s.Rules.Without |= balancer.Warmth
	return s
}
