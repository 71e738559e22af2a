package planner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// cpu is a small model on processors. Its last stage takes long and few requests get there.
func cpu(rate float64) planner.Ask {
	a := ask(rate)
	a.VMs[0].Boot = time.Minute
	return a
}

// bert is like BERT with three exits: much to hold, and stages that gain by some more threads.
func bert(rate float64) planner.Ask {
	times := must(profile.LogNormal(ms(30, 40, 80), 0.2))
	f := planner.Function{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Concurrency: 1000}, Times: times, Cold: 3 * time.Second, ColdShare: 0.001}
	return planner.Ask{
		VMs: []planner.VM{
			{Offer: provisioner.VMOffer{Name: "x86", VCPUs: 4, MemoryGB: 8, PerHour: 0.17}, Times: times},
			{Offer: provisioner.VMOffer{Name: "arm", VCPUs: 4, MemoryGB: 8, PerHour: 0.136}, Times: must(profile.LogNormal(ms(33, 44, 88), 0.2))},
			{Offer: provisioner.VMOffer{Name: "arm spot", VCPUs: 4, MemoryGB: 8, PerHour: 0.055, Market: provisioner.Spot, Interruptions: 0.05}, Times: must(profile.LogNormal(ms(33, 44, 88), 0.2)), Boot: 2 * time.Minute},
		},
		Functions: must(planner.Sizes(f, 1769, func(v float64) float64 { return 1 + 0.8*(v-1) }, 1769, 3008, 5120)),
		SLO:       planner.SLO{Latency: 600 * time.Millisecond},
		Traffic:   planner.Steady(rate, rate/5),
		Reach:     []float64{1, 0.4, 0.15},
		Memory:    planner.Memory{BaseMB: 400, StageMB: []float64{200, 200, 500}},
	}
}

// languages is a cascade of two language models: a small one, and one on GPUs that no function holds.
func languages(rate float64) planner.Ask {
	small, large := 40.0, 400.0
	gpu := must(profile.BatchGain(must(profile.LogNormal(ms(small/2, large), 0.3)), 6))
	return planner.Ask{
		VMs: []planner.VM{
			{Offer: provisioner.VMOffer{Name: "cpu", VCPUs: 4, MemoryGB: 16, PerHour: 0.17}, Times: must(profile.LogNormal(ms(small, 40*large), 0.3))},
			{Offer: provisioner.VMOffer{Name: "gpu", VCPUs: 4, MemoryGB: 64, PerHour: 1}, Slots: 1, Times: gpu},
		},
		Functions: []planner.Function{{Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 3538, PerCall: 0.2e-6, PerGBSecond: 0.0000166667}, Times: must(profile.LogNormal(ms(small, 40*large), 0.3))}},
		SLO:       planner.SLO{Latency: 6 * time.Second},
		Traffic:   planner.Steady(rate, 0),
		Reach:     []float64{1, 0.1},
		Memory:    planner.Memory{BaseMB: 500, StageMB: []float64{2000, 14000}},
	}
}

// What an owner of a bill reads, in order.
func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		ask  planner.Ask
		says []string
	}{
		"a small model, little traffic": {cpu(20), []string{
			"dollars an hour,", "a month, for 20 requests/s", "99.99 % of the requests should be answered within 300ms",
			"No VMs for stages 1-3, to which 20 requests/s come", `A VM of "2-vCPU VM" pays from 62.9 requests/s there (T-CIP): from`,
			"a million calls cost 0.376 dollars", "Splitting does not pay: one group a stage would cost", "more for functions",
		}},
		"a small model, more traffic": {cpu(200), []string{
			`VMs for stages 1-3: 1 VM of "2-vCPU VM" for all of 200 requests/s`, "at 0.0661 dollars a million; on functions a million costs 0.376",
			"A VM pays from 62.9 requests/s (T-CIP). Below", "functions alone would be cheaper", "Commit to 0.055 dollars an hour",
		}},
		"BERT": {bert(150), []string{`of "arm spot" (spot)`, "and functions for the rest", "One is taken back every 20 hours or so, and another boots for 2m0s: 0.167 % of the time it is missing and functions serve instead", "on functions a million costs", "functions alone would be cheaper", "Splitting"}},
		"two language models": {languages(600), []string{
			`VMs for stage 2`, `of "gpu", in batches of up to`, "No function could take what they do not serve", "the largest function has 3538, so functions take over only where", "Splitting pays: one group of each kind would cost", "hardware: different VMs",
		}},
	} {
		r := plan(t, c.ask)
		text := r.Explain()
		t.Logf("%s\n%s", name, text)
		rest := text
		for _, what := range c.says {
			_, after, ok := strings.Cut(rest, what)
			if !ok {
				t.Errorf("%s: no %q, or not there:\n%s", name, what, text)
				break
			}
			rest = after
		}
		if odd := []string{"NaN", "Inf", "e-0", "%!"}; slices.ContainsFunc(odd, func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("%s: not plain:\n%s", name, text)
		}
	}
}
