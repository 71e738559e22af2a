package planner

import (
	"math"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// choice works out the figures of a layout.
func (l *layout) choice() *Choice {
	p := l.p
	f := p.newPartition()
	f.follow(l.ends)
	f.link()
	c := &Choice{Plan: provisioner.Plan{Reach: p.reach}}
	for _, in := range f.ranges() {
		call := f.groups[in.First]
		offer := p.Functions[call.offer]
		c.Plan.Functions = append(c.Plan.Functions, provisioner.FunctionGroup{Stages: in, Offer: offer.Offer, Cold: offer.Cold})
		c.Functions = append(c.Functions, CallPrice{call.enter[0].total(), p.megabytes(in), toDuration(call.seconds)})
	}
	bill := dollars{}
	at := 0
	for i, r := range l.vms {
		in, to := r.fleet.in, p.stages
		if i+1 < len(l.vms) {
			to = l.vms[i+1].fleet.in.First
		}
		c.without(f, &bill, at, in.First)
		v := p.VMs[r.fleet.vm]
		c.Plan.VMs = append(c.Plan.VMs, provisioner.VMGroup{Stages: in, Offer: v.Offer, VMs: r.n, Slots: v.Slots, MaxBatch: r.fleet.batch})
		c.VMs = append(c.VMs, p.figures(f, r, to, &bill))
		c.Bill.VMs += 3600 * r.fleet.dollars(r.n)
		if i > 0 {
			c.Apart += 3600 * r.apart
		}
		at = in.Last + 1
	}
	c.without(f, &bill, at, p.stages)
	l.warm(c)
	bill.compute += f.idle()
	c.Bill.Functions, c.Bill.Transfer = 3600*bill.compute, 3600*bill.transfer
	d, calls := p.latency(l, 2*p.SLO.Latency.Seconds())
	c.Median, c.Calls = d.quantile(0.5), calls
	c.InTime = d.within(p.SLO.Latency.Seconds())
	if d.beyond > 1-p.quantile {
		d, _ = p.latency(l, 64*p.SLO.Latency.Seconds())
	}
	c.Latency = d.quantile(p.quantile)
	return c
}

// warm sets how many instances functions begin with: as many as calls are expected at one time at the highest rate, of what VMs do not
// carry that were rented for all rates, and twice the deviation of such a number.
func (l *layout) warm(c *Choice) {
	const most = 1000
	p, peak := l.p, l.p.Traffic.Peak()
	for i := range c.Plan.Functions {
		g := &c.Plan.Functions[i]
		if g.Cold == 0 {
			continue
		}
		calls := peak * p.reach[g.Stages.First] * c.Functions[i].Expected.Seconds()
		for _, r := range l.vms {
			if r.fleet.in.Has(g.Stages.First) {
				calls *= 1 - r.fleet.carried(r.n, peak*p.reach[r.fleet.in.First])
			}
		}
		g.Warm = int(math.Ceil(min(max(calls, 0)+2*math.Sqrt(max(calls, 0)), most)))
		if g.Offer.Concurrency > 0 {
			g.Warm = min(g.Warm, g.Offer.Concurrency)
		}
	}
}

// figures are those of a VM group, whose requests go on to stages without VMs up to another
// stage. What its overflow costs is added to the bill.
func (p *problem) figures(f *partition, r rent, to int, bill *dollars) VMFigures {
	in, rate := r.fleet.in, p.mean*p.reach[r.fleet.in.First]
	carried, transfer := rate-r.fleet.over(r.n), p.transfer(p.Network.VM, in)
	bill.transfer += carried * transfer
	v := VMFigures{Rate: rate, Overflow: 1, Saturated: r.fleet.saturated}
	if rate > 0 {
		v.Overflow = 1 - carried/rate
	}
	if !r.fleet.must && !math.IsInf(f.chain[to][in.First], 1) {
		d := f.cost(in.First, to)
		if on := p.goOn(in.First, in.Last+1); on > 0 && to > in.Last+1 {
			d = d.plus(f.cost(in.Last+1, to), -on)
		}
		*bill = bill.plus(d, r.over)
		v.PerCall = d.total()
		saves := d.total() - transfer
		if r.n > r.fleet.free {
			v.TCIP = r.fleet.price / saves
			v.SCIP = v.TCIP / p.mean
			v.Flips = p.mean * r.fleet.flips(saves)
		}
	}
	return v
}

func (d dollars) plus(e dollars, times float64) dollars {
	return dollars{d.compute + times*e.compute, d.transfer + times*e.transfer}
}

// without adds up stages without VMs.
func (c *Choice) without(f *partition, bill *dollars, from, to int) {
	if from == to {
		return
	}
	p := f.p
	n := NoVMs{Stages: stage.Range{First: from, Last: to - 1}, Rate: p.mean * p.reach[from]}
	d := f.cost(from, to)
	*bill = bill.plus(d, n.Rate)
	saves := d.total() - p.transfer(p.Network.VM, n.Stages)
	best := 0.0
	for vm := range p.VMs {
		v := p.newFleet(vm, n.Stages)
		if v == nil || v.most == 0 || v.price >= saves*v.saturated {
			continue
		}
		if k := v.flips(saves); n.Offer == "" || k < best {
			best = k
			n.Offer, n.TCIP = p.VMs[vm].Offer.Name, v.price/saves
			n.SCIP, n.Flips = n.TCIP/p.mean, k*p.mean
		}
	}
	c.Without = append(c.Without, n)
}

// flips is what all rates would have to be multiplied by for the first VM to just pay for
// itself, if what it carries saves so much a request; infinite if nothing would do. With more than it
// can do a VM may carry less, so the least is looked for from below.
func (f *fleet) flips(saves float64) float64 {
	if f.free > 0 {
		return 0
	}
	pays := func(k float64) bool {
		saved := 0.0
		for _, r := range f.p.Traffic.Rates {
			rate := k * r.PerSecond * f.p.reach[f.in.First]
			saved += saves * r.Share * rate * f.carried(1, rate)
		}
		return saved > f.price
	}
	const least, most, step = 1e-6, 1e6, 1.25
	high := least
	for ; !pays(high); high *= step {
		if high > most {
			return math.Inf(1)
		}
	}
	low := high / step
	for range 30 {
		if k := math.Sqrt(low * high); pays(k) {
			high = k
		} else {
			low = k
		}
	}
	return high
}
