package planner

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"pgregory.net/rapid"
)

// anyAsk draws models of some stages on a few offers: prices, speeds, memories, limits.
func anyAsk(t *rapid.T, most int) Ask {
	stages := rapid.IntRange(1, most).Draw(t, "stages")
	float := func(low, high float64, what string) float64 {
		return math.Exp(rapid.Float64Range(math.Log(low), math.Log(high)).Draw(t, what))
	}
	a := Ask{SLO: SLO{Latency: time.Duration(float(20e6, 2e9, "SLO"))}, Memory: Memory{BaseMB: 100}}
	reach := 1.0
	for range stages {
		a.Reach = append(a.Reach, reach)
		reach *= rapid.Float64Range(0.05, 1).Draw(t, "go on")
		a.Memory.StageMB = append(a.Memory.StageMB, float(10, 2000, "MB"))
	}
	base := make([]float64, stages)
	for s := range base {
		base[s] = float(5e5, 2e7, "ns")
	}
	times := func(speed float64) profile.Times {
		means := make([]time.Duration, stages)
		for s := range means {
			means[s] = time.Duration(base[s] / speed / float(0.8, 1.25, "suits"))
		}
		u, err := profile.LogNormal(means, rapid.Float64Range(0.1, 1).Draw(t, "cv"))
		if err != nil {
			t.Fatal(err)
		}
		u, err = profile.BatchGain(u, rapid.Float64Range(1, 4).Draw(t, "gain"))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "VM types") {
		vcpus := float64(rapid.IntRange(1, 4).Draw(t, "vCPUs"))
		v := VM{Offer: provisioner.VMOffer{Name: fmt.Sprint("v", i), VCPUs: vcpus, MemoryGB: 2 * vcpus, PerHour: 0.04 * vcpus * float(0.5, 2, "price")}, Times: times(float(0.5, 2, "speed")), Boot: time.Minute}
		switch rapid.IntRange(0, 3).Draw(t, "market") {
		case 1:
			v.Offer.Market, v.Offer.Interruptions = provisioner.Spot, rapid.Float64Range(0, 1).Draw(t, "interruptions")
		case 2:
			v.Offer.Market, v.Committed = provisioner.Committed, rapid.IntRange(1, 3).Draw(t, "committed")
		case 3:
			v.Committed, v.CommittedPerHour = rapid.IntRange(0, 2).Draw(t, "sunk"), v.Offer.PerHour/2
		}
		a.VMs = append(a.VMs, v)
	}
	for i := range rapid.IntRange(1, 2).Draw(t, "functions") {
		a.Functions = append(a.Functions, Function{
			Offer: provisioner.FunctionOffer{Name: fmt.Sprint("f", i), MemoryMB: rapid.IntRange(512, 8192).Draw(t, "memory"), PerCall: 0.2e-6, PerGBSecond: 0.0000166667,
				Concurrency: rapid.SampledFrom([]int{0, 0, 10, 1000}).Draw(t, "calls at once")},
			Times: times(float(0.5, 1.5, "speed")), Cold: 300 * time.Millisecond, ColdShare: rapid.SampledFrom([]float64{0, 0.001}).Draw(t, "cold"),
		})
	}
	a.Network = provisioner.Network{
		VM:       provisioner.Path{Latency: 500 * time.Microsecond},
		Function: provisioner.Path{Latency: 3 * time.Millisecond, DollarsPerGB: 0.01, BitsPerSec: 1e9},
		Answer:   1000,
	}
	for range stages {
		a.Network.Payload = append(a.Network.Payload, rapid.IntRange(100, 200000).Draw(t, "bytes"))
	}
	rate := float(0.1, 2000, "rate")
	a.Traffic = Steady(rate, rate*rapid.Float64Range(0, 0.6).Draw(t, "deviation"))
	return a
}

// brute tries every partition, offer and number of VMs up to a bound, from the definitions.
type brute struct {
	p      *problem
	fleets [][][]*fleet
	most   int
	best   float64
}

func (b *brute) search(f *partition, at int, vms []rent) {
	if at == b.p.stages {
		b.best = min(b.best, b.cost(f, vms))
		return
	}
	b.search(f, at+1, vms)
	for last := at; last < b.p.stages; last++ {
		for _, fl := range b.fleets[at][last] {
			for n := 1; n <= min(b.most, fl.most); n++ {
				b.search(f, last+1, append(vms[:len(vms):len(vms)], rent{fleet: fl, n: n}))
			}
		}
	}
}

// cost follows the requests from the first stage on.
func (b *brute) cost(f *partition, vms []rent) float64 {
	p := b.p
	next := func(i int) int {
		if i < len(vms) {
			return vms[i].fleet.in.First
		}
		return p.stages
	}
	sum := b.between(f, 0, next(0))
	for i, r := range vms {
		in, to := r.fleet.in, next(i+1)
		over := r.fleet.over(r.n)
		if p.crowded(in, p.peak*p.reach[in.First]*(1-r.fleet.carried(r.n, p.peak*p.reach[in.First]))) {
			return math.Inf(1)
		}
		rate := p.mean * p.reach[in.First]
		sum += r.fleet.dollars(r.n) + (rate-over)*p.transfer(p.Network.VM, in) + over*b.chain(f, in.First, to)
		if in.Last+1 < to {
			sum += b.between(f, in.Last+1, to) - over*p.goOn(in.First, in.Last+1)*b.chain(f, in.Last+1, to)
		}
	}
	return sum
}

func (b *brute) between(f *partition, from, to int) float64 {
	rate := b.p.reach[from%b.p.stages]
	switch {
	case from == to:
		return 0
	case b.p.crowded(stage.Range{First: from, Last: to - 1}, b.p.peak*rate):
		return math.Inf(1)
	}
	return b.p.mean * rate * b.chain(f, from, to)
}

func (b *brute) chain(f *partition, from, to int) float64 {
	if from >= to {
		return 0
	}
	c, end := f.groups[from], f.ends[from]
	if c == nil {
		return math.Inf(1)
	}
	return c.enter[len(c.enter)-1-(end-from)].total() + b.p.goOn(from, end+1)*b.chain(f, end+1, to)
}

// What the search finds is what trying everything finds, or close to it: it simulates only
// what an estimate says is worth it, and tables of so few rows as here are off by some hundredths.
func TestBruteForceAgrees(t *testing.T) {
	compared, exact := 0, 0
	asks := rapid.Custom(func(t *rapid.T) Ask { return anyAsk(t, 3) })
	for seed := range 600 {
		a := asks.Example(seed)
		for i := range a.VMs {
			a.VMs[i].MaxBatch = 1 // tables of batches would take more rows than there is time for
		}
		p := newProblem(&a, 1)
		if !p.onFunctions(p.all()) {
			continue
		}
		found, least, skip := both(p)
		switch {
		case skip:
		case math.IsInf(found, 1) != math.IsInf(least, 1):
			t.Errorf("seed %d: found %v dollars a second, and there is %v", seed, found, least)
		case found < least*(1-1e-9)-1e-15 || found > least*1.08+1e-15:
			t.Errorf("seed %d: found %v dollars a second, and there is %v", seed, found, least)
		default:
			compared++
			if found <= least*(1+1e-9)+1e-15 {
				exact++
			}
		}
	}
	t.Logf("%d of %d exactly the same", exact, compared)
	if compared < 200 || exact < compared*95/100 {
		t.Errorf("%d of %d exactly the same", exact, compared)
	}
}

// both is what the search finds and the least of all that could be, with tables for all.
func both(p *problem) (found, least float64, skip bool) {
	tables := &Planner{rows: 300}
	every := func(int, int) bool { return true }
	l, ok := newSearch(p, tables, every).solve((*problem).partitions, every)
	if !ok {
		l.perSecond = math.Inf(1)
	}
	b := &brute{p: p, fleets: newSearch(p, tables, every).fleets, most: 6, best: math.Inf(1)}
	for _, to := range b.fleets {
		for _, fleets := range to {
			for _, f := range fleets {
				f.known = tables.table(f)
			}
		}
	}
	p.partitions(func(f *partition) { b.search(f, 0, nil) })
	for _, r := range l.vms {
		skip = skip || r.n > b.most // more than are tried
	}
	return l.perSecond, b.best, skip
}
