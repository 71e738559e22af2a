package oracle

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// prices are the least that a request can cost, in dollars.
type prices struct {
	vm       []float64 // for a visit of each stage, in the best batch of the best offer that is always busy
	function []float64 // for a visit of each stage, beside the fee
	fee      float64   // for a request that functions see at all
	transfer float64   // in and out, for each request
	boot     float64   // seconds, of the offer that boots fastest
	segments []segment // by what they save for what they take, the most first
	must     bool      // no function serves: VMs do it all
}

// segment is visits that VMs may take over from functions, of a request that leaves at an exit.
type segment struct {
	exit      int
	vm, saves float64 // dollars
}

func (s segment) slope() float64 { return s.saves / s.vm }

// mostRows is the largest batch that a VM is ever told to make.
const mostRows = 256

func newPrices(a planner.Ask, d *Draw) (*prices, error) {
	stages := d.stages
	p := &prices{boot: math.Inf(1)}
	for _, v := range a.VMs {
		if v.Offer.Market == provisioner.Committed {
			return nil, fmt.Errorf("%w: VMs of %q are committed to, and paid elsewhere: leave them out", ErrDraw, v.Offer.Name)
		}
		if err := fits(v.Times, v.Offer.Name, stages, v.Offer.Validate()); err != nil {
			return nil, err
		}
		p.boot = min(p.boot, v.Boot.Seconds())
	}
	for _, f := range a.Functions {
		if err := fits(f.Times, f.Offer.Name, stages, f.Offer.Validate()); err != nil {
			return nil, err
		}
	}
	if len(a.VMs)+len(a.Functions) == 0 {
		return nil, fmt.Errorf("%w: no offers: give those that policies may choose from", ErrDraw)
	}
	if err := a.Network.Validate(stages); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDraw, err)
	}
	for s := range stages {
		p.vm = append(p.vm, vmVisit(a.VMs, s, d.slo, d.together(s)))
		p.function = append(p.function, functionVisit(a.Functions, s))
	}
	p.fees(a)
	if len(a.VMs) > 0 && !p.must {
		p.cut()
	}
	return p, nil
}

func fits(t profile.Times, offer string, stages int, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDraw, err)
	}
	if t == nil || t.Stages() != stages {
		return fmt.Errorf("%w: no times of %d stages for offer %q: give them", ErrDraw, stages, offer)
	}
	return nil
}

// vmVisit is infinite without VMs. A batch has at most as many rows as come within the SLO, and
// is worth only the part of its rows that its time leaves within it.
func vmVisit(vms []planner.VM, stage int, slo time.Duration, most int) float64 {
	least := math.Inf(1)
	for _, v := range vms {
		slots := provisioner.VMGroup{Offer: v.Offer, Slots: v.Slots}.SlotsOf()
		for rows := 1; rows <= max(min(mostRows, most), 1); rows++ {
			perRow := v.Times.Mean(stage, rows).Seconds() / float64(rows) / float64(slots)
			if x := v.Offer.PerHour / 3600 * perRow; x < least {
				least = min(least, x/within(v.Times, stage, rows, slo))
			}
		}
	}
	return least
}

// within is the share of batches that take no longer than the SLO; no less than the truth.
func within(t profile.Times, stage, rows int, slo time.Duration) float64 {
	switch {
	case t.Quantile(stage, rows, 1) <= slo:
		return 1
	case t.Quantile(stage, rows, 0) > slo:
		return 0
	}
	least, most := 0.0, 1.0
	for range 20 {
		if q := (least + most) / 2; t.Quantile(stage, rows, q) <= slo {
			least = q
		} else {
			most = q
		}
	}
	return most
}

// functionVisit is infinite without functions.
func functionVisit(functions []planner.Function, stage int) float64 {
	least := math.Inf(1)
	for _, f := range functions {
		least = min(least, f.Offer.PerGBSecond*float64(f.Offer.MemoryMB)/1024*f.Times.Mean(stage, 1).Seconds())
	}
	return least
}

// fees fills in what is paid once a request.
func (p *prices) fees(a planner.Ask) {
	perGB := math.Inf(1)
	if len(a.VMs) > 0 {
		perGB = a.Network.VM.DollarsPerGB
	}
	if len(a.Functions) == 0 {
		p.must = true
		for s := range p.function {
			p.function[s] = 0
			if math.IsInf(p.vm[s], 1) { // nobody can answer, and pays for it
				p.vm[s] = 0
			}
		}
	} else {
		perGB = min(perGB, a.Network.Function.DollarsPerGB)
		p.fee = slices.MinFunc(a.Functions, func(a, b planner.Function) int { return cmp.Compare(a.Offer.PerCall, b.Offer.PerCall) }).Offer.PerCall
	}
	p.transfer = perGB * float64(a.Network.Into(0)+a.Network.Answer) / 1e9
}

// cut finds, for each exit, the cheapest ways to split a request between VMs and functions: the
// lower convex hull of what functions cost over what VMs do. The dearest visits are
// taken over first, and with the last one the fee is saved too.
func (p *prices) cut() {
	for exit := range p.vm {
		order := make([]int, exit+1)
		for s := range order {
			order[s] = s
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.function[b]/p.vm[b], p.function[a]/p.vm[a]) })
		var hull []segment
		for i, s := range order {
			next := segment{exit, p.vm[s], p.function[s]}
			if math.IsInf(next.vm, 1) { // never in time on a VM
				break
			}
			if i == exit {
				next.saves += p.fee
			}
			for n := len(hull) - 1; n >= 0 && hull[n].slope() <= next.slope(); n-- {
				next.vm, next.saves = next.vm+hull[n].vm, next.saves+hull[n].saves
				hull = hull[:n]
			}
			hull = append(hull, next)
		}
		p.segments = append(p.segments, hull...)
	}
	slices.SortStableFunc(p.segments, func(a, b segment) int { return cmp.Compare(b.slope(), a.slope()) })
}

// onFunctions is what functions cost if they serve a window's requests without VMs.
func (p *prices) onFunctions(requests []int) (dollars float64) {
	visits := p.fee
	for exit, n := range requests {
		visits += p.function[exit]
		dollars += float64(n) * visits
	}
	return dollars
}
