//go:build !race

package planner_test

import (
	"math"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
)

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
