package planner

import (
	"fmt"
	"strings"
)

func (r *Result) explainSplit(line say) {
	split := len(r.Plan.VMs) > 1 || len(r.Plan.Functions) > 1 || len(r.Without) > 0 && len(r.Plan.VMs) > 0
	switch {
	case split && r.Uniform == nil:
		line("Splitting is needed: no single group of the whole model can be.")
	case split:
		more, part := r.Uniform.Bill.Total()-r.Bill.Total(), ""
		if r.Bill.Total() > 0 {
			part = fmt.Sprintf(" (%s %%)", num(100*more/r.Bill.Total()))
		}
		line("Splitting pays: one group of each kind would cost %s dollars an hour more%s. It pays by %s.", num(more), part, strings.Join(r.mechanisms(), ", and by "))
	case r.PerStage == nil:
		line("Splitting does not pay, and one group a stage would not work.")
	default:
		line("Splitting does not pay: one group a stage would cost %s dollars an hour more%s.", num(r.PerStage.Bill.Total()+r.PerStage.Apart-r.Bill.Total()), dearer(r.Bill, r.PerStage))
	}
}

// dearer says where a choice is dearer than a bill, and where less so.
func dearer(from Bill, c *Choice) string {
	to := c.Bill
	var parts []string
	for _, x := range []struct {
		what string
		more float64
	}{{"VMs", to.VMs - from.VMs}, {"functions", to.Functions - from.Functions}, {"transfer", to.Transfer - from.Transfer}, {"fleets that scale apart", c.Apart}} {
		switch {
		case x.more > 1e-9:
			parts = append(parts, num(x.more)+" more for "+x.what)
		case x.more < -1e-9:
			parts = append(parts, num(-x.more)+" less for "+x.what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
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
