package planner_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// functionRanges are the stages of the plan's functions.
func functionRanges(p provisioner.Plan) (all []stage.Range) {
	for _, f := range p.Functions {
		all = append(all, f.Stages)
	}
	return all
}

// 200 + 100 + 100 + 200 + 200 = 800 MB do not go into functions of 512: they are cut until each
// fits, and that is behind stage 2, with 400 MB, and behind stage 3, with another 400.
func TestTooLargeForOneFunction(t *testing.T) {
	a := small(1, 0)
	for i := range a.Functions {
		a.Functions[i].Offer.MemoryMB = 512
	}
	r := plan(t, a)
	if got := functionRanges(r.Plan); len(got) != 3 || !strings.Contains(r.Explain(), "needs 800 MB and the largest function has 512, so functions are split") {
		t.Errorf("functions for %v\n%s", got, r.Explain())
	}
	for _, f := range r.Functions {
		if f.NeedsMB > 512 {
			t.Errorf("%v MB in 512", f.NeedsMB)
		}
	}
	if r.Uniform == nil || len(r.Uniform.Plan.Functions) != 0 || r.Uniform.Plan.VMs[0].VMs == 0 {
		t.Errorf("the uniform plan is VMs alone: %+v", r.Uniform)
	}
	if r.Bill.Total() > r.Uniform.Bill.Total() {
		t.Errorf("%v dollars an hour, and uniform %v", r.Bill, r.Uniform.Bill)
	}
}

// What goes into stage 2 is too much for a function's request: there is no cut there, and rows
// that VMs hand back there could not go on, so no VM group begins there.
func TestPayloadTooLarge(t *testing.T) {
	a := small(60, 10)
	a.Network.Payload = []int{1000, 9e6, 1000, 1000}
	for i := range a.Functions {
		a.Functions[i].Offer.Payload = 6e6
	}
	r := plan(t, a)
	for _, in := range functionRanges(r.Plan) {
		if in.First == 1 || in.Last == 0 {
			t.Errorf("functions for %v", functionRanges(r.Plan))
		}
	}
	for _, in := range functionRanges(r.PerStage.Plan) {
		if in.First < 2 {
			t.Errorf("one group a stage has functions for %v", in)
		}
	}
}

// A function that may take 25 ms holds no more than stages 1 to 3, which seldom take longer.
func TestTimeout(t *testing.T) {
	a := small(1, 0)
	a.Functions = a.Functions[1:]
	a.Functions[0].Offer.Timeout = 20 * time.Millisecond
	r := plan(t, a)
	if got := functionRanges(r.Plan); len(got) < 2 {
		t.Errorf("functions for %v", got)
	}
	for i, in := range functionRanges(r.Plan) {
		if longest := profile.Longest(a.Functions[0].Times, in.First, in.Last); longest > 20*time.Millisecond {
			t.Errorf("call %d: %v seldom take more than %v", i, in, longest)
		}
	}
}

// VMs that cost a hundred times as much would never pay. But 400 requests a second of 6 ms or more
// keep more than one call busy, and if one is all that the account allows, VMs must take the rest.
func TestCallsAtOnce(t *testing.T) {
	a := small(400, 0)
	for i := range a.VMs {
		a.VMs[i].Offer.PerHour *= 100
	}
	if r := plan(t, a); len(r.Plan.VMs) != 0 {
		t.Fatalf("VMs at such a price: %+v", r.Plan)
	}
	for i := range a.Functions {
		a.Functions[i].Offer.Concurrency = 1
	}
	r := plan(t, a)
	if len(r.Plan.VMs) == 0 {
		t.Errorf("400 requests/s at one call at once: %+v", r.Plan)
	}
	if text := r.Explain(); !strings.Contains(text, "functions alone would need more than the 1 call at once") || strings.Contains(text, "Inf") {
		t.Errorf("not explained: %s", text)
	}
	a.VMs = nil
	var p planner.Planner
	if _, err := p.Plan(a); !errors.Is(err, planner.ErrCalls) || !strings.Contains(err.Error(), "raise the limit, or offer VMs") {
		t.Errorf("without VMs: %v", err)
	}
}

func TestSLOThatNothingMeets(t *testing.T) {
	a := small(60, 0)
	a.SLO.Latency = 20 * time.Millisecond
	var p planner.Planner
	_, err := p.Plan(a)
	var slo *planner.SLOError
	if !errors.As(err, &slo) || !errors.Is(err, planner.ErrSLO) {
		t.Fatalf("%v", err)
	}
	// A tenth of the requests run 20 ms of stages, of which the last takes the most.
	if slo.Stage != 3 || slo.Offer != "x86" || slo.Best < 25*time.Millisecond || slo.Best > 40*time.Millisecond {
		t.Errorf("%+v: %v", slo, err)
	}
	a.SLO.Latency = slo.Best * 11 / 10 // what is possible is, or close to it
	if r, err := p.Plan(a); err != nil || r.InTime < 0.99 {
		t.Errorf("with %v: %v", a.SLO.Latency, err)
	}
}

func TestNothingHoldsAStage(t *testing.T) {
	a := small(60, 0)
	a.Memory.StageMB[2] = 9000
	var p planner.Planner
	if _, err := p.Plan(a); !errors.Is(err, planner.ErrFit) || !strings.Contains(err.Error(), "stage 3 needs 9200 MB") {
		t.Errorf("%v", err)
	}
	a.VMs[1].Offer.MemoryGB = 16 // now one VM does, and no function
	r := plan(t, a)
	holder := slices.IndexFunc(r.Plan.VMs, func(g provisioner.VMGroup) bool { return g.Stages.Has(2) })
	if holder < 0 || r.Plan.VMs[holder].Offer.Name != "arm" || r.Plan.VMs[holder].VMs == 0 || r.InTime < 0.99 {
		t.Errorf("%s", r.Explain())
	}
}

func TestBadAsks(t *testing.T) {
	for name, change := range map[string]func(*planner.Ask){
		"no offers":                func(a *planner.Ask) { a.VMs, a.Functions = nil, nil },
		"no price":                 func(a *planner.Ask) { a.VMs[0].Offer.PerHour = 0 },
		"two of a name":            func(a *planner.Ask) { a.VMs[1].Offer.Name = "x86" },
		"no times":                 func(a *planner.Ask) { a.Functions[0].Times = nil },
		"times of another model":   func(a *planner.Ask) { a.VMs[1].Times = must(profile.Deterministic(ms(1))) },
		"no SLO":                   func(a *planner.Ask) { a.SLO = planner.SLO{} },
		"a quantile of 1":          func(a *planner.Ask) { a.SLO.Quantile = 1 },
		"no traffic":               func(a *planner.Ask) { a.Traffic = planner.Traffic{} },
		"shares beyond 1":          func(a *planner.Ask) { a.Traffic.Rates[0].Share = 2 },
		"a rate that is none":      func(a *planner.Ask) { a.Traffic = planner.Steady(math.NaN(), 0) },
		"an infinite rate":         func(a *planner.Ask) { a.Traffic = planner.Steady(math.Inf(1), 0) },
		"reach that rises":         func(a *planner.Ask) { a.Reach = []float64{1, 0.5, 0.6, 0.1} },
		"short reach":              func(a *planner.Ask) { a.Reach = a.Reach[:2] },
		"memory of another model":  func(a *planner.Ask) { a.Memory.StageMB = []float64{1} },
		"negative memory":          func(a *planner.Ask) { a.Memory.BaseMB = -1 },
		"negative boot":            func(a *planner.Ask) { a.VMs[0].Boot = -1 },
		"committed, but how many":  func(a *planner.Ask) { a.VMs[0].Offer.Market = provisioner.Committed },
		"more cold starts than 1":  func(a *planner.Ask) { a.Functions[0].ColdShare = 1.5 },
		"payloads of another":      func(a *planner.Ask) { a.Network.Payload = []int{1} },
		"VCPUs that are no number": func(a *planner.Ask) { a.VMs[0].Offer.VCPUs = math.NaN() },
	} {
		a := small(60, 0)
		change(&a)
		var p planner.Planner
		if _, err := p.Plan(a); !errors.Is(err, planner.ErrAsk) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
