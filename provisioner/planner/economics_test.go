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

func TestVMPaysByHand(t *testing.T) {
	r := plan(t, byHand(planner.Rate{PerSecond: 40, Share: 1}))
	if len(r.Plan.VMs) != 1 || r.Plan.VMs[0].VMs != 1 {
		t.Fatalf("%+v", r.Plan)
	}
	v := r.VMs[0]
	near(t, "c_f", v.PerCall, 9.5e-7)
	near(t, "T-CIP", v.TCIP, 10)
	near(t, "S-CIP", v.SCIP, 10.0/40)
	near(t, "mu_sat", v.Saturated, 1/0.0104)
	near(t, "flips", v.Flips, 10) // at 10 a second a VM with patience carries all
	near(t, "VMs", r.Bill.VMs, 0.0342)
	near(t, "all", r.Bill.Total(), 0.0342)
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

// At 150 a second one VM leaves 150 - 96.15 = 53.85 to functions, 5.116e-5 dollars a second. A
// second VM saves that for the share of the time, and costs 9.5e-6: it pays from a share of 0.186.
func TestNextVMByHand(t *testing.T) {
	for share, want := range map[float64]int{0.14: 1, 0.24: 2} {
		r := plan(t, byHand(planner.Rate{PerSecond: 40, Share: 1 - share}, planner.Rate{PerSecond: 150, Share: share}))
		if got := r.Plan.VMs[0].VMs; got != want {
			t.Errorf("150 a second for %v of the time: %d VMs, want %d", share, got, want)
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

// Two VMs are paid for anyway: 40 a second cost nothing more.
func TestCommittedByHand(t *testing.T) {
	a := byHand(planner.Rate{PerSecond: 40, Share: 1})
	a.VMs[0].Committed, a.VMs[0].Offer.Market = 2, provisioner.Committed
	r := plan(t, a)
	if r.Bill.Total() > 1e-12 || r.VMs[0].TCIP != 0 || !strings.Contains(r.Explain(), "paid for anyway") {
		t.Errorf("%s", r.Explain())
	}
	a.Traffic.Rates[0].PerSecond = 4000 // and there are no more than two of them
	if r = plan(t, a); r.Plan.VMs[0].VMs != 2 || r.Bill.VMs != 0 || r.Bill.Functions < 3700*4.4e-7*3600 {
		t.Errorf("%s", r.Explain())
	}
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

// The same where no function could take over: one VM is in use at all times, and the others for half of it.
func TestCommitWithoutFunctionsByHand(t *testing.T) {
	for price, vms := range map[float64]int{0.6: 1, 0.4: -1} {
		a := byHand(planner.Rate{PerSecond: 40, Share: 0.5}, planner.Rate{PerSecond: 150, Share: 0.5})
		a.Functions, a.VMs[0].CommittedPerHour = nil, price*0.0342
		var p planner.Planner
		r := must(p.Plan(a))
		if vms < 0 {
			vms = r.Plan.VMs[0].VMs
		}
		if len(r.Commitments) != 1 || r.Commitments[0].VMs != vms || r.Plan.VMs[0].VMs < 2 {
			t.Errorf("at %v of the price: %+v; %s", price, r.Commitments, r.Explain())
		}
	}
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

// Stage 2 goes into no VM, and half of the requests come to it. A warm call of one stage is 3.76e-7 as
// above; of both it is half 3.76e-7 and half 21 ms * 0.000016 + 2e-7 = 5.36e-7, so 4.56e-7. A request that
// the VM carries still costs half of 3.76e-7, so c_f is 4.56e-7 - 1.88e-7 = 2.68e-7. Of 62 requests
// a second the VM leaves a fifth of 53.85, so functions cost 62 * 1.88e-7 + 10.77 * 2.68e-7 = 1.454e-5.
func TestFunctionsBehindVMsByHand(t *testing.T) {
	a := behind()
	r := plan(t, a)
	if len(r.Plan.VMs) != 1 || r.Plan.VMs[0].Stages.Last != 0 || len(r.Without) != 1 {
		t.Fatalf("%s", r.Explain())
	}
	near(t, "c_f", r.VMs[0].PerCall, 2.68e-7)
	near(t, "T-CIP", r.VMs[0].TCIP, 9.5e-6/2.68e-7)
	if math.Abs(r.Bill.Functions/3600-1.454e-5) > 0.02*1.454e-5 {
		t.Errorf("functions: %v a second, want 1.454e-5", r.Bill.Functions/3600)
	}
	if r.Uniform == nil || r.Uniform.Bill.VMs != 0 || !strings.Contains(r.Explain(), "reach: what few requests come to") {
		t.Errorf("uniform is functions alone: %+v\n%s", r.Uniform, r.Explain())
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
