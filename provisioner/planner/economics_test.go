package planner_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// byHand is one stage of 10.4 ms, a VM with one slot for 0.0342 dollars an hour, and a
// function of 1 GB:
//
//	billed          11 ms (rounded up) * 1 GB * 0.000016   = 1.76e-7
//	fee                                                      2e-7
//	a warm call                                              3.76e-7
//	a cold call     (400 + 10.4 -> 411 ms) * 0.000016 + fee = 6.776e-6
//	one in 100 cold 0.99 * 3.76e-7 + 0.01 * 6.776e-6       = 4.4e-7
//	transfer        51,000 bytes at 0.01 dollars a GB      = 5.1e-7
//	c_f                                                    = 9.5e-7
//	P_v             0.0342 / 3600                          = 9.5e-6
//	T-CIP           9.5e-6 / 9.5e-7                        = 10 a second
//	mu_sat          1 / 10.4 ms                            = 96.15 a second
func byHand(rates ...planner.Rate) planner.Ask {
	times := must(profile.Deterministic(ms(10.4)))
	return planner.Ask{
		VMs: []planner.VM{{Offer: provisioner.VMOffer{Name: "vm", VCPUs: 1, PerHour: 0.0342}, Times: times}},
		Functions: []planner.Function{{
			Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1024, PerCall: 2e-7, PerGBSecond: 0.000016},
			Times: times, Cold: 400 * time.Millisecond, ColdShare: 0.01,
		}},
		SLO:     planner.SLO{Latency: time.Second},
		Traffic: planner.Traffic{Rates: rates},
		Network: provisioner.Network{Function: provisioner.Path{DollarsPerGB: 0.01}, Payload: []int{50000}, Answer: 1000},
	}
}

func plan(t *testing.T, a planner.Ask) *planner.Result {
	t.Helper()
	var p planner.Planner
	r, err := p.Plan(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Plan.Validate(a.Functions[0].Times.Stages()); err != nil {
		t.Fatal(err)
	}
	return r
}

// near compares to a thousandth.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-3*math.Abs(want)+1e-12 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestFunctionsPayByHand(t *testing.T) {
	r := plan(t, byHand(planner.Rate{PerSecond: 5, Share: 1}))
	if len(r.Plan.VMs) != 0 || len(r.Without) != 1 {
		t.Fatalf("%+v", r)
	}
	near(t, "functions", r.Bill.Functions, 5*4.4e-7*3600)
	near(t, "transfer", r.Bill.Transfer, 5*5.1e-7*3600)
	near(t, "a call", r.Functions[0].PerCall, 9.5e-7)
	near(t, "T-CIP", r.Without[0].TCIP, 10)
	near(t, "S-CIP", r.Without[0].SCIP, 2) // twice the traffic would do; no reach would
	near(t, "flips", r.Without[0].Flips, 10)
}

// At 0.36 dollars an hour T-CIP is 1e-4 / 9.5e-7 = 105 a second, above mu_sat: never.
func TestVMThatNeverPays(t *testing.T) {
	for _, rate := range []float64{40, 4000} {
		a := byHand(planner.Rate{PerSecond: rate, Share: 1})
		a.VMs[0].Offer.PerHour = 0.36
		r := plan(t, a)
		if len(r.Plan.VMs) != 0 || r.Without[0].Offer != "" || !strings.Contains(r.Explain(), "No VM could pay") {
			t.Errorf("at %v a second: %v", rate, r.Explain())
		}
	}
}

// Of requests 0.8 leave after 10 ms and 0.2 after 30: 0.8 * 1.6e-7 + 0.2 * 4.8e-7 + a fee of 2e-7 is
// 4.24e-7. In two functions it is 1.6e-7 + 2e-7 + 0.2 * (3.2e-7 + 2e-7) = 4.64e-7.
func TestExitsByHand(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 1, Share: 1})
	times := must(profile.Deterministic(ms(10, 20)))
	a.Functions[0].Times, a.VMs[0].Times = times, times
	a.Functions[0].ColdShare, a.Network, a.Reach = 0, provisioner.Network{}, []float64{1, 0.2}
	r := plan(t, a)
	near(t, "one call", r.Functions[0].PerCall, 4.24e-7)
	near(t, "all", r.Bill.Total(), 4.24e-7*3600)
	near(t, "a call a stage", r.PerStage.Bill.Total(), 4.64e-7*3600)
}

// Taken back every second hour and 72 s, 0.02 h, in booting: 0.01 VMs are billed in vain, and
// 0.01 of the requests find none: 0.4 a second.
func TestSpotByHand(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 40, Share: 1})
	a.VMs[0].Offer.Market, a.VMs[0].Offer.Interruptions, a.VMs[0].Boot = provisioner.Spot, 0.5, 72*time.Second
	r := plan(t, a)
	near(t, "VMs", r.Bill.VMs, 0.0342*1.01)
	near(t, "functions", r.Bill.Functions, 0.4*4.4e-7*3600)
	near(t, "overflow", r.VMs[0].Overflow, 0.01)
}

// One VM is wanted all of the time, a second for half of it. At 0.6 of the price the first is worth
// committing to, and saves the other 0.4.
func TestCommitByHand(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 40, Share: 0.5}, planner.Rate{PerSecond: 150, Share: 0.5})
	a.VMs[0].CommittedPerHour = 0.6 * 0.0342
	r := plan(t, a)
	if len(r.Commitments) != 1 || r.Commitments[0].VMs != 1 || !strings.Contains(r.Explain(), "Commit to 0.0205 dollars an hour") {
		t.Fatalf("%+v", r.Commitments)
	}
	near(t, "commit to", r.Commitments[0].PerHour, 0.6*0.0342)
	near(t, "saves", r.Commitments[0].Saves, 0.4*0.0342)
}

// Below one vCPU a size costs the same and takes longer; above it, one thread costs more.
func TestSizesByHand(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 1, Share: 1})
	f := a.Functions[0]
	f.Offer.MemoryMB = 1769
	sizes := must(planner.Sizes(f, 1769, nil, 884, 1769, 3538))
	for i, want := range ms(10.4*1769/884, 10.4, 10.4) {
		if got := sizes[i].Times.Mean(0, 1); got.Round(10*time.Microsecond) != want.Round(10*time.Microsecond) {
			t.Errorf("%s takes %v, want %v", sizes[i].Offer.Name, got, want)
		}
	}
	twice := must(planner.Sizes(f, 1769, func(v float64) float64 { return v }, 3538))
	if got := twice[0].Times.Mean(0, 1); got != 5200*time.Microsecond {
		t.Errorf("on two vCPUs %v", got)
	}
	if _, err := planner.Sizes(f, 0, nil, 128); !errors.Is(err, planner.ErrAsk) {
		t.Errorf("no vCPU: %v", err)
	}
	if _, err := planner.Sizes(f, 1769, nil, 0); !errors.Is(err, planner.ErrAsk) {
		t.Errorf("no memory: %v", err)
	}
}

func behind() planner.Ask {
	a := byHand(planner.Rate{PerSecond: 40, Share: 0.8}, planner.Rate{PerSecond: 150, Share: 0.2})
	times := must(profile.Deterministic(ms(10.4, 10.4)))
	a.VMs[0].Times, a.VMs[0].Offer.MemoryGB = times, 1
	f := &a.Functions[0]
	f.Times, f.ColdShare, f.Offer.MemoryMB, f.Offer.PerGBSecond = times, 0, 4096, 0.000004
	a.Network, a.Reach, a.Memory = provisioner.Network{}, []float64{1, 0.5}, planner.Memory{StageMB: []float64{500, 2000}}
	return a
}
