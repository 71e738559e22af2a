package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

const ms = time.Millisecond

func fixed(t testing.TB, means ...time.Duration) profile.Times {
	t.Helper()
	times, err := profile.Deterministic(means)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

func poisson(rate float64, length time.Duration) func(*rand.Rand) (traffic.Source, error) {
	return func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(rate, length, r) }
}

func independent(reach ...float64) func(*rand.Rand) (depth.Source, error) {
	return func(r *rand.Rand) (depth.Source, error) { return depth.Independent(reach, r) }
}

func stages(first, last int) stage.Range { return stage.Range{First: first, Last: last} }

// drawn is a scenario and the offers that it was made of.
type drawn struct {
	simulate.Scenario
	ask  planner.Ask
	what string
}

// drawWorld draws a model, offers, traffic, and a plan with a policy or without.
func drawWorld(t *testing.T, r *rapid.T) drawn {
	n := rapid.IntRange(1, 4).Draw(r, "stages")
	w := drawn{Scenario: simulate.Scenario{
		Stages: n, Times: map[string]profile.Times{}, Seed: rapid.Uint64().Draw(r, "seed"),
		Until: time.Duration(rapid.IntRange(1, 6).Draw(r, "minutes")) * time.Minute,
	}}
	reach, work := []float64{1}, 0.0
	var means []time.Duration
	for s := range n {
		means = append(means, time.Duration(rapid.IntRange(1, 60).Draw(r, "mean"))*ms)
		work += reach[s] * means[s].Seconds()
		reach = append(reach, reach[s]*rapid.Float64Range(0.05, 1).Draw(r, "goes on"))
	}
	w.Plan.Reach, w.Depths = reach[:n], independent(reach[:n]...)
	boot := time.Duration(rapid.IntRange(0, 90).Draw(r, "boot")) * time.Second
	w.offers(t, r, means, boot)
	w.SLO = time.Duration(rapid.Float64Range(2.1, 40).Draw(r, "SLO") * float64(n) * float64(60*ms))
	if rapid.IntRange(0, 9).Draw(r, "patient") == 0 {
		w.SLO += 25 * time.Second
	}
	load := rapid.Float64Range(0.1, 8).Draw(r, "load")
	w.Traffic = bursts(min(load/work, 120), w.Until)
	w.Running = rapid.Bool().Draw(r, "running")
	w.World = func(r *rand.Rand) (simulate.World, error) {
		return mock.NewWorld(mock.Config{Boot: mock.Spread{Median: boot}, Cold: mock.Spread{Median: 300 * ms}, KeepAlive: time.Minute}, r)
	}
	w.plan(r, load)
	w.follow(r, boot)
	return w
}

// bursts has a rate of a third and of two and a third, for some minutes each.
func bursts(rate float64, length time.Duration) func(*rand.Rand) (traffic.Source, error) {
	return func(r *rand.Rand) (traffic.Source, error) {
		return traffic.MMPP([]traffic.State{{Rate: rate / 3, Sojourn: 2 * time.Minute}, {Rate: rate * 7 / 3, Sojourn: time.Minute}}, length, r)
	}
}

func (w *drawn) offers(t *testing.T, r *rapid.T, means []time.Duration, boot time.Duration) {
	times := func(what string) profile.Times {
		var own []time.Duration
		for _, m := range means {
			own = append(own, time.Duration(float64(m)*rapid.Float64Range(0.5, 2).Draw(r, what+" speed")))
		}
		gained, err := profile.BatchGain(fixed(t, own...), rapid.Float64Range(1, 3).Draw(r, what+" gain"))
		if err != nil {
			r.Fatal(err)
		}
		return gained
	}
	for i := range rapid.IntRange(1, 2).Draw(r, "VMs") {
		o := provisioner.VMOffer{Name: fmt.Sprint("vm", i), VCPUs: float64(rapid.IntRange(1, 4).Draw(r, "vCPUs")), PerHour: rapid.Float64Range(0.02, 0.3).Draw(r, "price"), Minimum: time.Minute}
		w.ask.VMs = append(w.ask.VMs, planner.VM{Offer: o, Times: times(o.Name), Boot: boot})
		w.Times[o.Name] = w.ask.VMs[i].Times
	}
	for i := range rapid.IntRange(0, 2).Draw(r, "functions") {
		o := provisioner.FunctionOffer{Name: fmt.Sprint("fn", i), MemoryMB: 1769, PerCall: rapid.Float64Range(0, 2e-6).Draw(r, "fee"), PerGBSecond: rapid.Float64Range(4e-6, 4e-5).Draw(r, "price")}
		w.ask.Functions = append(w.ask.Functions, planner.Function{Offer: o, Times: times(o.Name)})
		w.Times[o.Name] = w.ask.Functions[i].Times
	}
	w.Network = provisioner.Network{VM: provisioner.Path{Latency: ms, DollarsPerGB: 0.01}, Function: provisioner.Path{Latency: 5 * ms, DollarsPerGB: 0.02}, Payload: make([]int, len(means)), Answer: 100}
	for s := range w.Network.Payload {
		w.Network.Payload[s] = rapid.IntRange(0, 20_000).Draw(r, "bytes")
	}
	w.ask.Network = w.Network
}

// plan cuts the model for VMs, and has one function or one a stage.
func (w *drawn) plan(r *rapid.T, load float64) {
	for first := 0; first < w.Stages; {
		last := rapid.IntRange(first, w.Stages-1).Draw(r, "last")
		o := rapid.SampledFrom(w.ask.VMs).Draw(r, "VM").Offer
		w.Plan.VMs = append(w.Plan.VMs, provisioner.VMGroup{
			Stages: stages(first, last), Offer: o, MaxBatch: rapid.SampledFrom([]int{1, 8}).Draw(r, "batch"),
			VMs: rapid.IntRange(0, int(2*load/o.VCPUs)+1).Draw(r, "n"),
		})
		first = last + 1
	}
	if len(w.ask.Functions) == 0 {
		return
	}
	step := rapid.SampledFrom([]int{1, w.Stages}).Draw(r, "cut")
	for first := 0; first < w.Stages; first += step {
		o := rapid.SampledFrom(w.ask.Functions).Draw(r, "function").Offer
		if g := w.Plan.Functions; len(g) > 0 {
			o = g[0].Offer
		}
		w.Plan.Functions = append(w.Plan.Functions, provisioner.FunctionGroup{Stages: stages(first, first+step-1), Offer: o})
	}
}

// follow gives it a policy, or none.
func (w *drawn) follow(r *rapid.T, boot time.Duration) {
	makers := []func() policy.Policy{
		nil,
		func() policy.Policy { return &policy.CostOptimal{} },
		func() policy.Policy { return &policy.Serflow{} },
		func() policy.Policy { return &policy.Libra{Capacity: policy.Measured} },
		func() policy.Policy { return &policy.KnativeLike{} },
		func() policy.Policy { return policy.FunctionsOnly{} },
	}
	p := rapid.SampledFrom(makers).Draw(r, "policy")
	if w.what = "a fixed plan"; p == nil {
		return
	}
	w.what = p().Name()
	groups := control.Supposed(provisioner.Expect{Plan: w.Plan, Times: w.Times, Network: w.Network}, w.Stages, boot)
	w.Loop = func() (*control.Loop, error) {
		return control.New(control.Config{Policy: p(), Groups: groups, Limits: provisioner.Limits{VMs: 200, PerHour: 1000, PerDay: 10_000}})
	}
}

func bootsIn(boot time.Duration) func(*rand.Rand) (simulate.World, error) {
	return func(r *rand.Rand) (simulate.World, error) {
		return mock.NewWorld(mock.Config{Boot: mock.Spread{Median: boot}}, r)
	}
}

// timesOf is the times of all offers.
func timesOf(a planner.Ask) map[string]profile.Times {
	times := map[string]profile.Times{}
	for _, v := range a.VMs {
		times[v.Offer.Name] = v.Times
	}
	for _, f := range a.Functions {
		times[f.Offer.Name] = f.Times
	}
	return times
}
