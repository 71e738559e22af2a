package oracle_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// steady is rate requests in each second, evenly, of which every tenth goes to the second stage.
func steady(t testing.TB, slo time.Duration, rate, seconds int) *oracle.Draw {
	t.Helper()
	d, err := oracle.NewDraw(2, slo)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rate * seconds {
		exit := 0
		if i%10 == 0 {
			exit = 1
		}
		d.Add(time.Duration(i)*time.Second/time.Duration(rate), exit)
	}
	return d
}

// twoStages take 10 and 40 ms on either, of which batches save nothing. A VM of two slots is $0.36 an hour, so
// a slot-second is $0.00005; a function of 1 GB is $0.0001 a second, and a call is $0.000001 beside that.
func twoStages(t testing.TB) planner.Ask {
	times := fixed(t, 10*ms, 40*ms)
	return planner.Ask{
		VMs: []planner.VM{{Offer: provisioner.VMOffer{Name: "vm", PerHour: 0.36, VCPUs: 2}, Times: times, Boot: 30 * time.Second}},
		Functions: []planner.Function{{
			Offer: provisioner.FunctionOffer{Name: "fn", MemoryMB: 1024, PerCall: 1e-6, PerGBSecond: 1e-4}, Times: times,
		}},
	}
}

func TestLowerBoundByHand(t *testing.T) {
	const requests, seconds = 20 * 600, 600
	const vm, function = 0.01*5e-5 + 0.1*0.04*5e-5, 0.01*1e-4 + 0.1*0.04*1e-4 + 1e-6 // a request, if VMs or functions have all of it
	for name, c := range map[string]struct {
		change  func(*planner.Ask)
		running bool
		want    float64
	}{
		"VMs that are there": {func(*planner.Ask) {}, true, requests * vm},
		"VMs that boot":      {func(*planner.Ask) {}, false, requests * vm * (1 + 30.0/seconds)},
		"batches gain": { // of 20 rows they take 99 ms at the first stage, of 4 rows 96 ms at the second, of 100
			func(a *planner.Ask) { a.VMs[0].Times, _ = profile.BatchGain(a.VMs[0].Times, 2) }, true,
			requests * 5e-5 * (0.01*(16.0/30/20+14.0/30) + 0.1*0.04*(16.0/30/4+14.0/30)),
		},
		"a stage that takes too long": {func(a *planner.Ask) {
			a.VMs[0].Times = fixed(t, 10*ms, 101*ms)
		}, true, requests * (0.01*5e-5 + 0.1*(0.04*1e-4+1e-6))},
		"batches lose": {func(a *planner.Ask) {
			a.VMs[0].Times, _ = profile.BatchGain(a.VMs[0].Times, 0.5)
		}, true, requests * vm},
		"a dearer VM beside it":  {func(a *planner.Ask) { a.VMs = append(a.VMs, a.VMs[0]); a.VMs[1].Offer.PerHour = 0.72 }, true, requests * vm},
		"four slots":             {func(a *planner.Ask) { a.VMs[0].Slots = 4 }, true, requests * vm / 2},
		"a cheaper VM beside it": {func(a *planner.Ask) { a.VMs = append(a.VMs, a.VMs[0]); a.VMs[1].Offer.PerHour = 0.18 }, true, requests * vm / 2},
		"functions alone":        {func(a *planner.Ask) { a.VMs = nil }, false, requests * function},
		"VMs that cost more":     {func(a *planner.Ask) { a.VMs[0].Offer.PerHour = 3.6 }, true, requests * function},
		// Then the second stage would be cheaper on functions, were it not for the fee.
		"a fee that VMs save": {func(a *planner.Ask) {
			a.VMs[0].Times = fixed(t, 10*ms, 100*ms)
		}, true, requests * (0.01*5e-5 + 0.1*0.1*5e-5)},
		"a stage that functions do better": {func(a *planner.Ask) {
			a.VMs[0].Times = fixed(t, 10*ms, 99*ms)
			a.Functions[0].Times = fixed(t, 10*ms, 30*ms)
		}, true, requests * (0.01*5e-5 + 0.1*(0.03*1e-4+1e-6))},
		"no functions": {func(a *planner.Ask) { a.Functions = nil }, true, requests * vm},
		"transfer": {func(a *planner.Ask) {
			a.Network = provisioner.Network{VM: provisioner.Path{DollarsPerGB: 0.02}, Function: provisioner.Path{DollarsPerGB: 0.01}, Payload: []int{900, 500}, Answer: 100}
		}, true, requests*vm + requests*1e-8*1000/1000},
	} {
		a := twoStages(t)
		c.change(&a)
		b, err := oracle.LowerBound(a, steady(t, 100*ms, 20, seconds), c.running)
		if err != nil {
			t.Fatal(err)
		}
		// What comes in the last 100 ms of a window is not counted, of which there are 5 to 60. A batch takes whole
		// nanoseconds, which is a part of 1e-8 of it.
		if b.Total > c.want*(1+1e-8) || b.Total < c.want*0.993 {
			t.Errorf("%s: %v, want %v", name, b, c.want)
		}
		if sum := b.VMs + b.Functions + b.Transfer; math.Abs(sum/b.Total-1) > 1e-9 || b.Met > b.Total || b.Met < 0.93*c.want {
			t.Errorf("%s: %+v, want %v", name, b, c.want)
		}
		// One of a hundred may be left out, and the deepest take 50 ms.
		if least := c.want - 0.01*requests*0.05*5e-5; name == "VMs that are there" && (b.Met > least*(1+1e-9) || b.Met < 0.993*least) {
			t.Errorf("%v for whoever meets the SLO, want %v", b.Met, least)
		}
	}
}

// A burst that is over before its VMs have paid for their boot is left to functions.
func TestLowerBoundOfABurst(t *testing.T) {
	d, _ := oracle.NewDraw(2, 100*ms)
	for i := range 12_000 {
		d.Add(time.Duration(i)*5*ms, 0) // for a minute
	}
	d.Add(time.Hour, 0)
	for boot, want := range map[time.Duration]float64{0: 12_000 * 0.01 * 5e-5, 30 * time.Second: 12_000 * 0.01 * 5e-5 * 1.5, 10 * time.Minute: 12_000 * (0.01*1e-4 + 1e-6)} {
		a := twoStages(t)
		a.VMs[0].Boot = boot
		b, err := oracle.LowerBound(a, d, false)
		if err != nil || b.Total > want*(1+1e-9)+2e-6 || b.Total < 0.98*want {
			t.Errorf("boot of %v: %+v, %v, want %v", boot, b, err, want)
		}
	}
}

// Requests that come one by one make no batches, and VMs that nothing can take the place of are there when they
// are needed, and no longer.
func TestLowerBoundOfFew(t *testing.T) {
	d, _ := oracle.NewDraw(2, 100*ms)
	for i := range 50 {
		d.Add(time.Duration(i)*time.Minute, 0)
	}
	a := twoStages(t)
	a.VMs[0].Times, _ = profile.BatchGain(a.VMs[0].Times, 4)
	a.VMs[0].Boot = 0
	b, err := oracle.LowerBound(a, d, true)
	if want := 50 * 0.01 * 5e-5; err != nil || math.Abs(b.Total/want-1) > 1e-6 {
		t.Errorf("%+v, %v, want %v", b, err, want)
	}
	d, _ = oracle.NewDraw(2, 100*ms)
	for i := range 5 * 60 * 100 { // 40 requests a second for two minutes, then 20 and 40 and so on
		if at := time.Duration(i) * 10 * ms; at%(25*ms) < 10*ms && (at < 2*time.Minute || at >= 3*time.Minute || i%2 == 0) {
			d.Add(at, 0)
		}
	}
	a = twoStages(t)
	a.Functions, a.VMs[0].Boot = nil, 0
	b, err = oracle.LowerBound(a, d, false)
	if want := float64(d.Requests()) * 0.01 * 5e-5; err != nil || b.Total > want || b.Total < 0.98*want {
		t.Errorf("%d requests: %+v, %v, want %v", d.Requests(), b, err, want)
	}
}

func TestLowerBoundRefuses(t *testing.T) {
	if _, err := oracle.NewDraw(1, 0); !errors.Is(err, oracle.ErrDraw) {
		t.Errorf("no SLO: %v", err)
	}
	for name, spoil := range map[string]func(*planner.Ask){
		"nothing":     func(a *planner.Ask) { *a = planner.Ask{} },
		"no times":    func(a *planner.Ask) { a.VMs[0].Times = nil },
		"other times": func(a *planner.Ask) { a.Functions[0].Times = fixed(t, ms) },
		"no price":    func(a *planner.Ask) { a.VMs[0].Offer.PerHour = 0 },
		"committed":   func(a *planner.Ask) { a.VMs[0].Offer.Market = provisioner.Committed },
		"a network":   func(a *planner.Ask) { a.Network.Payload = []int{1} },
	} {
		a := twoStages(t)
		spoil(&a)
		if _, err := oracle.LowerBound(a, steady(t, 100*ms, 1, 1), false); !errors.Is(err, oracle.ErrDraw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkLowerBound(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	d, _ := oracle.NewDraw(5, 125*ms)
	for step := range 14 * 8640 { // two weeks
		rate := 60 * (1 + 0.7*math.Sin(float64(step)/8640*2*math.Pi))
		for range int(rate) {
			d.Add(time.Duration(step)*oracle.Step+time.Duration(r.Float64()*1e10), min(int(r.ExpFloat64()*1.5), 4))
		}
	}
	a := twoStages(b)
	times := fixed(b, ms, 2*ms, 4*ms, 8*ms, 16*ms)
	a.VMs[0].Times, a.Functions[0].Times = times, times
	b.ReportAllocs()
	for b.Loop() {
		if _, err := oracle.LowerBound(a, d, false); err != nil {
			b.Fatal(err)
		}
	}
}
