package planner

import (
	"math"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// fleet is VMs of one offer for one range, however many.
type fleet struct {
	p         *problem
	vm        int
	in        stage.Range
	must      bool // there is no function for what they do not carry
	slots     int
	batch     int
	work      float64 // slot-seconds a request
	saturated float64 // mu_sat: requests per second of one VM with all slots busy
	price     float64 // of one VM, dollars a second
	free      int     // VMs that are paid anyway
	most      int
	ready     float64   // share of the time that a VM serves
	deadline  float64   // seconds since a request came to the group
	travel    float64   // of those, to a VM and back
	need      []float64 // by stage: see provisioner.Expect
	least     []float64
	patience  float64 // how long a row waits before it leaves, in units of work
	scv       float64 // of a request's work
	known     *table
}

// newFleet is nil if the offer does not hold the range, or is too slow or too far away for it.
func (p *problem) newFleet(vm int, in stage.Range) *fleet {
	v := p.VMs[vm]
	if gb := v.Offer.MemoryGB; gb > 0 && p.megabytes(in) > gb*1024 {
		return nil
	}
	if !p.quickEnough(&p.vms[vm], &p.best, in, p.hop(p.Network.VM, in)) {
		return nil
	}
	f := &fleet{p: p, vm: vm, in: in, must: !p.onFunctions(in), most: math.MaxInt32}
	f.slots = provisioner.VMGroup{Offer: v.Offer, Slots: v.Slots}.SlotsOf()
	f.pay(v)
	f.wait()
	if f.deadline <= f.travel { // nobody who has come so far has the time to go there
		return nil
	}
	f.batch = f.bestBatch(v)
	f.work = f.workIn(f.batch)
	f.saturated = float64(f.slots) / f.work
	f.scv = f.variation()
	company := f.work*float64(f.batch) - f.workIn(1) // what a full batch takes beyond a row
	f.patience = max(f.deadline-f.travel-f.need[0]-company, 0) / f.work
	return f
}

// pay sets what VMs cost. One that is taken back is replaced: for so long as that boots, there
// is one VM too few, and it is billed. Of committed VMs a range may take the part that it has
// of the work, so that no two groups count on the same.
func (f *fleet) pay(v VM) {
	f.price, f.ready = v.Offer.PerHour/3600, 1
	f.free = int(float64(v.Committed)*f.p.part(f.in) + 1e-9)
	switch v.Offer.Market {
	case provisioner.Spot:
		f.price *= 1 + v.Offer.Interruptions*v.Boot.Hours()
		f.ready = max(1-v.Offer.Interruptions*v.Boot.Hours(), 0)
	case provisioner.Committed:
		f.most = f.free
	}
}

// wait sets how long rows may wait: until they must leave for a function. Without one, they must
// leave time for the rest, and so have for their waits the part that their stages have of the work.
func (f *fleet) wait() {
	p, pace, in := f.p, &f.p.vms[f.vm], f.in
	f.travel = (p.Network.VM.Time(p.into(in.First)) + p.Network.VM.Time(p.Network.Answer)).Seconds()
	f.deadline = p.target
	for s := range in.First { // has been run on VMs, as likely as not
		f.deadline -= pace.mean[s]
	}
	if in.First > 0 {
		f.deadline -= p.hop(p.Network.VM, stage.Range{Last: in.First - 1})
	}
	if f.must {
		f.deadline = min(f.deadline, p.reference.wait*p.part(in)+pace.longest.seldomExceeded(in.First, in.Last)+f.travel)
	}
	f.need = p.elsewhere(pace.mean, in, p.need, func(int) float64 { return 1 })
	f.least = p.elsewhere(pace.mean, in, p.least, func(s int) float64 { return p.goOn(s, s+1) })
}

// carried is the share of a rate that n VMs finish in time.
func (f *fleet) carried(n int, rate float64) float64 {
	switch {
	case n == 0:
		return 0
	case rate == 0:
		return f.ready
	case f.known != nil:
		return f.ready * f.known.share(n, rate/(float64(n)*f.saturated))
	}
	servers := min(n, 2) * f.slots // a request chooses between two VMs: they are one pool to it
	load := rate / (float64(n) * f.saturated) * float64(servers)
	return f.ready * estimate(servers, load, f.patience, f.scv)
}

// over is the mean rate that n VMs do not carry.
func (f *fleet) over(n int) (over float64) {
	for _, r := range f.p.Traffic.Rates {
		rate := r.PerSecond * f.p.reach[f.in.First]
		over += r.Share * rate * max(1-f.carried(n, rate), 0)
	}
	return over
}

// dollars a second for n VMs.
func (f *fleet) dollars(n int) float64 { return f.price * float64(max(n-f.free, 0)) }
