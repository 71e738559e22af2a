package planner

import (
	"fmt"
	"math"
	"strings"

	"github.com/serflow/serflow-go/provisioner"
)

// Explain says in plain words what the plan costs, why each group went where it did, at
// which rate or reach that would flip, whether splitting pays and by what, and what to
// commit to.
func (r *Result) Explain() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p := r.p
	line("%s dollars an hour for %s requests/s: %s for VMs, %s for functions, %s for transfer.",
		num(r.Bill.Total()), num(p.mean), num(r.Bill.VMs), num(r.Bill.Functions), num(r.Bill.Transfer))
	line("Expected: %s %% within %v, and p%s at %v.", num(100*r.InTime), p.SLO.Latency, num(100*p.quantile), r.Latency.Round(max(p.SLO.Latency/1000, 1)))
	for i, g := range r.Plan.VMs {
		r.explainVMs(line, g, r.VMs[i])
	}
	for _, n := range r.Without {
		r.explainNoVMs(line, n)
	}
	r.explainFunctions(line)
	r.explainSplit(line)
	for _, c := range r.Commitments {
		line("Commit to %s dollars an hour: %s of %q for %v would be in use often enough, and that saves %s dollars an hour.",
			num(c.PerHour), count(c.VMs, "VM"), c.Offer, c.Stages, num(c.Saves))
	}
	return b.String()
}

type say func(format string, args ...any)

func (r *Result) explainVMs(line say, g provisioner.VMGroup, v VMFigures) {
	line("%v: %s of %q for %s %% of %s requests/s; one carries at most %s.",
		g.Stages, count(g.VMs, "VM"), g.Offer.Name, num(100*(1-v.Overflow)), num(v.Rate), num(v.Saturated))
	reach := r.p.reach[g.Stages.First]
	switch {
	case v.PerCall == 0:
		line("  No function could take what they do not carry, so they are enough for all but %s %%.", num(100*v.Overflow))
	case v.TCIP == 0:
		line("  They are committed to and paid for anyway; a request on functions would cost %s dollars.", num(v.PerCall))
	default:
		line("  A request on functions costs %s dollars, so a VM pays from %s requests/s at it (T-CIP), which is a reach of %s (S-CIP).", num(v.PerCall), num(v.TCIP), num(v.SCIP))
		line("  Functions alone would be cheaper below %s requests/s in all, or at that reach of %s below %s.", num(v.Flips), num(reach), num(reach*v.Flips/r.p.mean))
	}
}

func (r *Result) explainNoVMs(line say, n NoVMs) {
	reach := r.p.reach[n.Stages.First]
	line("%v: functions only, for %s requests/s (a reach of %s).", n.Stages, num(n.Rate), num(reach))
	switch more := reach * n.Flips / r.p.mean; {
	case n.Offer == "":
		line("  No VM could pay: each costs more than functions for all that it can carry, or is too small or too slow.")
	case math.IsInf(n.Flips, 1):
		line("  The nearest, %q, would have to carry %s requests/s (T-CIP), which one never does in time.", n.Offer, num(n.TCIP))
	case n.Flips < r.p.mean:
		line("  A VM of %q would pay for itself, but costs more than the plan's way.", n.Offer)
	case more > 1:
		line("  A VM of %q pays from %s requests/s at it (T-CIP); that takes %s requests/s in all.", n.Offer, num(n.TCIP), num(n.Flips))
	default:
		line("  A VM of %q pays from %s requests/s at it (T-CIP); that takes %s requests/s in all, or a reach of %s.", n.Offer, num(n.TCIP), num(n.Flips), num(more))
	}
}

func (r *Result) explainFunctions(line say) {
	for i, g := range r.Plan.Functions {
		c := r.Functions[i]
		line("Function for %v: %q, %d MB of which it needs %s; a call costs %s dollars.", g.Stages, g.Offer.Name, g.Offer.MemoryMB, num(c.NeedsMB), num(c.PerCall))
	}
	if whole, largest := r.p.tooLarge(); whole > largest && len(r.Plan.Functions) > 0 {
		line("The model needs %s MB and the largest function has %s, so functions are split until they hold it.", num(whole), num(largest))
	}
}

// tooLarge compares what the model needs with what the largest function has, in MB.
func (p *problem) tooLarge() (whole, largest float64) {
	for _, f := range p.Functions {
		largest = max(largest, float64(f.Offer.MemoryMB))
	}
	return p.megabytes(p.all()), largest
}

func (r *Result) explainSplit(line say) {
	split := len(r.Plan.VMs) > 1 || len(r.Plan.Functions) > 1 || len(r.Without) > 0 && len(r.Plan.VMs) > 0
	switch {
	case split && r.Uniform == nil:
		line("Splitting is needed: no single group of the whole model can be.")
	case split:
		more := r.Uniform.Bill.Total() - r.Bill.Total()
		line("Splitting pays: one group of each kind would cost %s dollars an hour more (%s %%). By %s.", num(more), num(100*more/r.Bill.Total()), strings.Join(r.mechanisms(), ", and by "))
	case r.PerStage == nil:
		line("Splitting does not pay, and one group a stage would not work.")
	default:
		a, b := r.PerStage.Bill, r.Bill
		line("Splitting does not pay: one group a stage would cost %s dollars an hour more: %s for VMs, %s for functions, %s for transfer.",
			num(a.Total()-b.Total()), num(a.VMs-b.VMs), num(a.Functions-b.Functions), num(a.Transfer-b.Transfer))
	}
}

// mechanisms are the ways in which a split plan can earn its hops.
func (r *Result) mechanisms() (by []string) {
	offers, batches, sizes := map[string]bool{}, map[int]bool{}, map[int]bool{}
	for _, g := range r.Plan.VMs {
		offers[g.Offer.Name], batches[g.MaxBatch] = true, true
	}
	for _, g := range r.Plan.Functions {
		sizes[g.Offer.MemoryMB] = true
	}
	if len(r.Without) > 0 && len(r.Plan.VMs) > 0 {
		by = append(by, "reach: what few requests come to pays for no VM of its own")
	}
	if len(r.Plan.VMs) > 1 && len(offers) > 1 {
		by = append(by, "hardware: different VMs for different stages")
	}
	if len(r.Plan.VMs) > 1 && len(batches) > 1 {
		by = append(by, "batches: like with like, of sizes that suit the stages")
	}
	if whole, largest := r.p.tooLarge(); len(r.Plan.Functions) > 1 && whole > largest {
		by = append(by, "memory: the whole model does not go into one function")
	} else if len(r.Plan.Functions) > 1 && len(sizes) > 1 {
		by = append(by, "memory: early stages run on smaller functions")
	}
	if len(by) == 0 {
		by = append(by, "fit: whole VMs fit the rates of the parts better")
	}
	return by
}

// num has three digits that count.
func num(x float64) string {
	switch {
	case math.Abs(x) < 1e-10: // less than anything costs
		return "0"
	case math.Abs(x) >= 1000 && math.Abs(x) < 1e15:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
