package oracle_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// rentOf is what a VM that is there in some steps costs over what it saves.
func rentOf(alive []bool, rent float64, saves []float64, boot, least int, there bool) (cost float64) {
	for k := 0; k < len(alive); k++ {
		if !alive[k] {
			continue
		}
		begun, lead, minimum := k, boot, least
		if k == 0 && there {
			lead, minimum = 0, 0
		}
		for ; k < len(alive) && alive[k]; k++ {
			if k-begun >= lead {
				cost -= saves[k]
			}
		}
		cost += rent * float64(max(k-begun, minimum))
	}
	return cost
}

// No way to have a VM costs less than the one that was found.
func TestOneVM(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		saves := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0.5, 1.5, 3, 10}), 1, 11).Draw(r, "saves")
		boot, least, there := rapid.IntRange(0, 4).Draw(r, "boot"), rapid.IntRange(0, 6).Draw(r, "least"), rapid.Bool().Draw(r, "there")
		wants, cost := oracle.Level(1, saves, boot, least, there)
		best := math.Inf(1)
		alive := make([]bool, len(saves))
		for ways := range 1 << len(saves) {
			for k := range alive {
				alive[k] = ways>>k&1 == 1
			}
			best = min(best, rentOf(alive, 1, saves, boot, least, there))
		}
		for k, n := range wants {
			alive[k] = n == 1
		}
		if got := rentOf(alive, 1, saves, boot, least, there); math.Abs(got-best) > 1e-9 || math.Abs(cost-best) > 1e-9 {
			r.Errorf("%v for %v, and %v are possible; its plan %v costs %v", cost, saves, best, wants, got)
		}
	})
}

// pulse is some requests in each of some steps.
func pulse(t testing.TB, requests ...int) *oracle.Draw {
	t.Helper()
	d, err := oracle.NewDraw(1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for step, n := range requests {
		for range n {
			d.Add(time.Duration(step)*oracle.Step, 0)
		}
	}
	return d
}

// A VM is a dollar a step and serves 100 requests in it, for which functions take 3 dollars.
func oneGroup(boot time.Duration) policy.Group {
	return policy.Group{Max: 9, Economics: policy.Economics{PerSecond: 0.1, PerRequest: 0.03, Saturation: 10, Boot: boot}}
}

func TestOfflineOptimalByHand(t *testing.T) {
	for _, c := range []struct {
		name     string
		boot     time.Duration
		minimum  time.Duration
		there    int
		requests []int
		wants    string
		dollars  float64
	}{
		{"steady", 0, 0, 0, []int{100, 100, 100}, "[1 1 1]", 3},
		{"two and a rest that does not pay", 0, 0, 0, []int{230, 230}, "[2 2]", 4 + 2*30*0.03},
		{"a boot in time", 20 * time.Second, 0, 0, []int{0, 0, 100, 100, 0}, "[1 1 1 1 0]", 4},
		{"a boot too late", 20 * time.Second, 0, 0, []int{100, 100, 100, 100}, "[1 1 1 1]", 4 + 6},
		{"a burst that does not pay for the boot", 30 * time.Second, 0, 0, []int{0, 0, 0, 0, 100, 0}, "[0 0 0 0 0 0]", 3},
		{"a gap that is kept", 20 * time.Second, 0, 0, []int{0, 0, 100, 0, 100, 0}, "[1 1 1 1 1 0]", 5},
		{"a gap that is not", 10 * time.Second, 0, 0, []int{0, 100, 0, 0, 100, 0}, "[1 1 0 1 1 0]", 4},
		{"a gap that the minimum keeps", 0, 30 * time.Second, 0, []int{120, 0, 0, 0, 100}, "[1 1 1 1 1]", 5.6},
		{"a minimum that is billed", 0, 20 * time.Second, 0, []int{0, 100, 0}, "[1 1 0]", 2},
		{"one that is there", 20 * time.Second, time.Minute, 1, []int{100, 100, 0, 0}, "[1 1 0 0]", 2},
		{"one that is there for nothing", 20 * time.Second, time.Minute, 1, []int{10, 10, 0}, "[0 0 0]", 0.6},
	} {
		p := &oracle.OfflineOptimal{Draw: pulse(t, c.requests...), Minimum: c.minimum}
		g := oneGroup(c.boot)
		g.Ready = c.there
		wants, dollars := oracle.Plan(p, g)
		if len(wants) < len(c.requests) { // steps without requests at the end are not in a draw
			wants = append(wants, make([]int, len(c.requests)-len(wants))...)
		}
		if c.wants != fmt.Sprint(wants) || math.Abs(dollars-c.dollars) > 1e-9 {
			t.Errorf("%s: %v for %v dollars, want %v for %v", c.name, wants, dollars, c.wants, c.dollars)
		}
	}
}

// Two VMs that carry much more than twice what one does are had together or not at all.
func TestOfflineOptimalOfAPool(t *testing.T) {
	g := oneGroup(0)
	g.Carried = pool{}
	wants, dollars := oracle.Plan(&oracle.OfflineOptimal{Draw: pulse(t, 200, 20, 200)}, g)
	if fmt.Sprint(wants) != "[2 0 2]" || math.Abs(dollars-4.6) > 1e-9 {
		t.Errorf("%v for %v", wants, dollars)
	}
	g.PerRequest = 0 // and where no function serves, as many as carry all there is
	if wants, _ = oracle.Plan(&oracle.OfflineOptimal{Draw: pulse(t, 200, 20, 200)}, g); fmt.Sprint(wants) != "[2 2 2]" {
		t.Errorf("without functions: %v", wants)
	}
}

type pool struct{}

func (pool) Share(vms int, _ float64) float64 { return []float64{0, 0.1, 1}[min(vms, 2)] }

// As a policy it says what it has planned, each group by itself, and keeps to the limits.
func TestOfflineOptimalDecides(t *testing.T) {
	d, _ := oracle.NewDraw(2, time.Second)
	for step, n := range []int{0, 300, 300, 0} {
		for i := range n {
			d.Add(time.Duration(step)*oracle.Step, i%2)
		}
	}
	p := &oracle.OfflineOptimal{Draw: d}
	first, second := oneGroup(0), oneGroup(0)
	second.Stages = stages(1, 1)
	first.Max, second.Min = 2, 1
	var got []string
	for _, now := range []time.Duration{10 * time.Second, 20 * time.Second, 31 * time.Second, 60 * time.Second} {
		o := policy.Observation{Groups: []policy.Group{first, second}}
		decision, err := policy.Check(p.Name(), o, p.Decide(now, o))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(decision.Groups[0].VMs, decision.Groups[1].VMs))
	}
	if want := []string{"2 2", "2 2", "0 1", "0 1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What holds between the policies: in the model of policy.Replay, where a VM serves what it can of each
// second, none costs less than OfflineOptimal says, whether it forecasts, knows the rate, or plans. RateOracle
// need not cost less than a policy that knows less: it looks no further than a boot, and on one draw luck counts.
func TestNoPolicyCostsLessThanOfflineOptimal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		g := policy.Group{Max: 40, Economics: policy.Economics{
			PerSecond: rapid.Float64Range(1e-6, 1e-4).Draw(r, "price"), Saturation: rapid.Float64Range(1, 10).Draw(r, "saturation"),
			Boot: time.Duration(rapid.IntRange(0, 18).Draw(r, "boot")) * 10 * time.Second,
		}}
		g.PerRequest = g.PerSecond / g.Saturation * rapid.Float64Range(0.5, 8).Draw(r, "dearer")
		mean := g.Saturation * rapid.Float64Range(0.2, 5).Draw(r, "load")
		rates, counts := counted(t, mean, seed)
		d, _ := oracle.NewDraw(1, time.Second)
		for second, n := range counts {
			for range n {
				d.Add(time.Duration(second)*time.Second, 0)
			}
		}
		_, least := oracle.Plan(&oracle.OfflineOptimal{Draw: d}, g)
		for _, p := range []policy.Policy{
			&policy.CostOptimal{}, &policy.Serflow{}, &policy.Libra{}, &policy.Libra{Capacity: policy.Measured}, &policy.KnativeLike{},
			policy.FunctionsOnly{}, oracle.RateOracle(rates, nil), &oracle.OfflineOptimal{Draw: d},
		} {
			if cost := policy.Replay(p, g, counts).Dollars(); cost < least*(1-1e-9) {
				r.Errorf("%s costs %v, less than %v", p.Name(), cost, least)
			}
		}
	})
}

// counted is 20 minutes of bursts: the rate of each second, and its count.
func counted(t testing.TB, mean float64, seed uint64) (rates []float64, counts []int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	rate := mean
	for second := range 1200 {
		if second%60 == 0 {
			rate = mean * math.Exp(0.6*r.NormFloat64())
		}
		n := 0
		for x := r.ExpFloat64(); x < rate; x += r.ExpFloat64() {
			n++
		}
		rates, counts = append(rates, rate), append(counts, n)
	}
	return rates, counts
}

func TestRateOracle(t *testing.T) {
	var rates []float64
	for second := range 600 {
		rates = append(rates, float64(second/100)*10)
	}
	g := oneGroup(100 * time.Second)
	for _, c := range []struct {
		now   time.Duration
		reach []float64
		seen  float64
		have  int
		want  float64
	}{
		{0, []float64{1}, 0.5, 0, 1}, // 10 requests a second in 100 s
		{100 * time.Second, []float64{1}, 1, 0, 2},
		{195 * time.Second, []float64{1}, 1, 0, 3}, // half of the step has 20, and half 30
		{190 * time.Second, []float64{1}, 1, 0, 2}, // and now none has 30
		{200 * time.Second, []float64{0.5}, 1, 0, 2},
		{200 * time.Second, nil, 1. / 3, 0, 1},
		{550 * time.Second, []float64{1}, 1, 5, 5}, // beyond the end nothing changes
	} {
		g.Reach, g.Ready = c.seen, c.have
		p := oracle.RateOracle(rates, c.reach)
		if got := p.Decide(c.now, policy.Observation{Groups: []policy.Group{g}}).Groups[0]; got.VMs != c.want {
			t.Errorf("at %v: %v, want %v", c.now, got, c.want)
		}
	}
	g.Ready = 0
	if p := oracle.RateOracle(nil, nil); p.Name() != "RateOracle" || p.Decide(0, policy.Observation{Groups: []policy.Group{g}}).Groups[0].VMs != 0 {
		t.Error("it knows of no requests, and wants VMs")
	}
}
