package planner

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/provisioner"
)

func (r *Result) explainVMs(line say, g provisioner.VMGroup, v VMFigures) {
	line("VMs for %v: %s of %q%s for %s.", g.Stages, count(g.VMs, "VM"), g.Offer.Name, kindOf(g), r.served(v))
	r.explainSpot(line, g, v)
	perHour := g.Offer.PerHour
	if v.TCIP == 0 && v.PerCall > 0 {
		line("  They are committed to and paid for anyway; a million requests on functions would cost %s dollars.", million(v.PerCall))
		return
	}
	full := fmt.Sprintf("Busy all of the time, one serves %s requests/s, at %s dollars a million", num(v.Saturated), million(perHour/3600/v.Saturated))
	if v.PerCall == 0 {
		line("  %s. No function could take what they do not serve, so there are enough for %s.", full, strings.ToLower(most(1-v.Overflow)))
		return
	}
	line("  %s; on functions a million costs %s.", full, million(v.PerCall))
	if math.IsInf(v.Flips, 1) {
		line("  A VM would pay from %s requests/s (T-CIP), which one never serves.%s", num(v.TCIP), r.crowded(g))
		return
	}
	flip := fmt.Sprintf("Below %s requests/s in all", num(v.Flips))
	if s := g.Stages.First; s > 0 {
		flip += fmt.Sprintf(", or if no more than %s of the requests got to stage %d (now %s)", num(r.p.reach[s]*v.Flips/r.p.mean), s+1, num(r.p.reach[s]))
		line("  A VM pays from %s requests/s there (T-CIP): that is a reach of %s (S-CIP). %s, functions alone would be cheaper.", num(v.TCIP), num(v.SCIP), flip)
		return
	}
	line("  A VM pays from %s requests/s (T-CIP). %s, functions alone would be cheaper.", num(v.TCIP), flip)
}

// crowded says why there are VMs that do not pay.
func (r *Result) crowded(g provisioner.VMGroup) string {
	if !r.p.crowded(g.Stages, r.p.peak*r.p.reach[g.Stages.First]) {
		return ""
	}
	return fmt.Sprintf(" There are VMs because functions alone would need more than the %s at once that the account allows: a higher limit would be cheaper.", count(r.p.reference.limit, "call"))
}

// explainSpot says what VMs that are taken back cost beside their price.
func (r *Result) explainSpot(line say, g provisioner.VMGroup, v VMFigures) {
	i := slices.IndexFunc(r.p.VMs, func(v VM) bool { return v.Offer.Name == g.Offer.Name })
	if g.Offer.Market != provisioner.Spot || g.Offer.Interruptions == 0 || i < 0 {
		return
	}
	boot, instead := r.p.VMs[i].Boot, "what it would serve is late or refused"
	if v.PerCall > 0 {
		instead = "functions serve instead"
	}
	line("  One is taken back every %s hours or so, and another boots for %v: %s %% of the time it is missing and %s, which the plan reckons with.",
		num(1/g.Offer.Interruptions), boot, num(100*g.Offer.Interruptions*boot.Hours()), instead)
}

// served is what a group's VMs do of what comes.
func (r *Result) served(v VMFigures) string {
	const none = 5e-4
	switch {
	case v.Overflow < none:
		return fmt.Sprintf("all of %s requests/s", num(v.Rate))
	case v.PerCall == 0:
		return fmt.Sprintf("%s %% of %s requests/s", num(100*(1-v.Overflow)), num(v.Rate))
	}
	return fmt.Sprintf("%s %% of %s requests/s, and functions for the rest", num(100*(1-v.Overflow)), num(v.Rate))
}

// kindOf is what is special about a group's VMs.
func kindOf(g provisioner.VMGroup) (s string) {
	switch g.Offer.Market {
	case provisioner.Spot:
		s = " (spot)"
	case provisioner.Committed:
		s = " (committed)"
	}
	if g.MaxBatch > 1 {
		s += fmt.Sprintf(", in batches of up to %d,", g.MaxBatch)
	}
	return s
}

func (r *Result) explainNoVMs(line say, n NoVMs) {
	first := n.Stages.First
	line("No VMs for %v, to which %s requests/s come.", n.Stages, num(n.Rate))
	reach := fmt.Sprintf("if %s of the requests got there (S-CIP: %s; now %s)", num(r.p.reach[first]*n.Flips/r.p.mean), num(n.SCIP), num(r.p.reach[first]))
	switch more := r.p.reach[first] * n.Flips / r.p.mean; {
	case n.Offer == "":
		line("  No VM could pay: each costs more than functions for all that it can serve, or is too small or too slow.")
	case math.IsInf(n.Flips, 1):
		line("  The nearest, %q, would have to serve %s requests/s (T-CIP), which one never does in time.", n.Offer, num(n.TCIP))
	case n.Flips < r.p.mean:
		line("  A VM of %q would pay for itself, but costs more than the plan's way.", n.Offer)
	case more > 1 || first == 0:
		line("  A VM of %q pays from %s requests/s there (T-CIP): from %s requests/s in all.", n.Offer, num(n.TCIP), num(n.Flips))
	default:
		line("  A VM of %q pays from %s requests/s there (T-CIP): from %s requests/s in all, or %s.", n.Offer, num(n.TCIP), num(n.Flips), reach)
	}
}

func (r *Result) explainFunctions(line say) {
	for i, g := range r.Plan.Functions {
		c, needs := r.Functions[i], ""
		if c.NeedsMB > 0 {
			needs = fmt.Sprintf(" of which it needs %s", num(c.NeedsMB))
		}
		line("Function for %v: %q, %d MB%s; a million calls cost %s dollars, and one takes %v.", g.Stages, g.Offer.Name, g.Offer.MemoryMB, needs, million(c.PerCall), r.short(c.Expected))
	}
	if r.p.fast && len(r.Plan.VMs) > 0 {
		line("  It is fast rather than cheap: for a slower one requests would have to leave VMs earlier, so VMs would serve fewer.")
	}
	if whole, largest := r.p.tooLarge(); whole > largest && len(r.Plan.Functions) > 0 {
		so := "functions are split until they hold it"
		if r.onlyVMs() {
			so = "functions take over only where a stage fits into one"
		}
		line("The model needs %s MB and the largest function has %s, so %s.", num(whole), num(largest), so)
	}
}

// onlyVMs tells whether a stage has no function.
func (r *Result) onlyVMs() bool {
	stages := 0
	for _, g := range r.Plan.Functions {
		stages += g.Stages.Len()
	}
	return stages < r.p.stages
}

// tooLarge compares what the model needs with what the largest function has, in MB.
func (p *problem) tooLarge() (whole, largest float64) {
	for _, f := range p.Functions {
		largest = max(largest, float64(f.Offer.MemoryMB))
	}
	return p.megabytes(p.all()), largest
}
