package simulate

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// Result is what a scenario came to. Times are in seconds, money in US dollars.
type Result struct {
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"` // simulated, once it had settled
	Requests int     `json:"requests"`
	Answered int     `json:"answered"`
	// Failed requests ended without an answer: late, without a place that would take
	// them, or failed at every place they were sent to.
	Failed  Failed     `json:"failed"`
	Told    Latency    `json:"told"`  // from their arrival until that was known
	Early   int        `json:"early"` // of the failed requests, those that were told so before their deadline
	Exits   []int      `json:"exits"` // answers by the stage that gave them
	Reach   []float64  `json:"reach"` // of the answered requests
	Latency Latency    `json:"latency"`
	SLO     Attainment `json:"slo"`
	Dollars Dollars    `json:"dollars"`
	// FunctionShare is the part of the runs of a stage for a request that functions did,
	// FunctionRequests that of the requests which had a function for at least one stage.
	FunctionShare    float64          `json:"functionShare"`
	FunctionRequests float64          `json:"functionRequests"`
	VMs              []VMResult       `json:"vms"`
	Functions        []FunctionResult `json:"functions"`
	Scaling          *Scaling         `json:"scaling,omitempty"` // nil without a Loop
	// Samples and Distribution are there with Scenario.Detail: what happened in each interval, and end to end
	// latency of what was answered.
	Samples      []Sample `json:"samples,omitempty"`
	Distribution []Part   `json:"distribution,omitempty"`
}

// Failed counts requests without an answer.
type Failed struct {
	Deadline int `json:"deadline"`
	Shed     int `json:"shed"` // out of reach of the deadline, no place, or all at their limits
	Tries    int `json:"tries"`
}

// Attainment is how far the SLO was met. Requests without an answer did not meet it.
type Attainment struct {
	Seconds float64 `json:"seconds"` // 0 if there is no SLO; then all answers meet it
	Within  float64 `json:"within"`  // share of the requests
	Windows int     `json:"windows"` // minutes in which requests ended
	Good    int     `json:"good"`    // of those, minutes with at least 99 % within
	Met     bool    `json:"met"`     // at least 99.5 % of the minutes are good, and there is one
}

// Dollars is the bill, by what it is for.
type Dollars struct {
	VMs       float64 `json:"vms"`
	Functions float64 `json:"functions"`
	Transfer  float64 `json:"transfer"`
	Total     float64 `json:"total"`
}

// VMResult is what a VM group did.
type VMResult struct {
	Stages      string  `json:"stages"`
	Offer       string  `json:"offer"`
	Launched    int     `json:"launched"`
	VMSeconds   float64 `json:"vmSeconds"`
	Utilisation float64 `json:"utilisation"` // busy slot-seconds over slot-seconds, boots included
	Requests    int     `json:"requests"`    // sent to it
	Hedges      int     `json:"hedges"`      // of those
	StageRuns   int     `json:"stageRuns"`
	Latency     Latency `json:"latency"` // of a visit, network included
	Dollars     float64 `json:"dollars"`
}

// FunctionResult is what a function did.
type FunctionResult struct {
	Stages        string  `json:"stages"`
	Offer         string  `json:"offer"`
	Calls         int     `json:"calls"`
	Cold          int     `json:"cold"`
	Throttled     int     `json:"throttled"`
	Warmed        int     `json:"warmed"`        // calls that only kept instances
	BilledSeconds float64 `json:"billedSeconds"` // before rounding
	Hedges        int     `json:"hedges"`        // of the calls and those throttled
	StageRuns     int     `json:"stageRuns"`
	Latency       Latency `json:"latency"`
	Dollars       float64 `json:"dollars"`
}

// counts is what a run adds up.
type counts struct {
	arrived, answered int
	early             int
	failed            Failed
	exits             []int
	latency, told     *histogram
	transfer          float64
	within            int
	onFunctions       int
	window            window
}

// window is the minute under way, and the count of those before it.
type window struct {
	minute              time.Duration // number of it
	ended, within       int
	windows, goodBefore int
}

func newCounts(s Scenario) counts {
	return counts{exits: make([]int, s.Stages), latency: newHistogram(), told: newHistogram()}
}

// end counts a request that has ended.
func (c *counts) end(now, slo time.Duration, q *request, exit int, err error) {
	took := now - q.arrived
	met := err == nil && (slo == 0 || took <= slo)
	switch {
	case err == nil:
		c.answered++
		c.exits[exit]++
		c.latency.record(took)
	case errors.Is(err, balancer.ErrDeadline):
		c.failed.Deadline++
	case errors.Is(err, balancer.ErrNoPlace), errors.Is(err, balancer.ErrFull), errors.Is(err, balancer.ErrShed):
		c.failed.Shed++
	default:
		c.failed.Tries++
	}
	if err != nil {
		c.told.record(took)
		if took < slo {
			c.early++
		}
	}
	c.window.add(now/time.Minute, met)
	if met {
		c.within++
	}
	if q.onFunction {
		c.onFunctions++
	}
}

func (w *window) add(minute time.Duration, met bool) {
	if minute != w.minute {
		w.close()
		w.minute = minute
	}
	w.ended++
	if met {
		w.within++
	}
}

func (w *window) close() {
	if w.ended > 0 {
		w.windows++
		if float64(w.within) >= 0.99*float64(w.ended) {
			w.goodBefore++
		}
	}
	w.ended, w.within = 0, 0
}

// result adds the run up at its end.
func (r *run) result() Result {
	for _, id := range slices.Sorted(maps.Keys(r.vms)) { // in one order, lest sums differ in their last bit
		r.bill(r.vms[id])
	}
	c := &r.count
	c.window.close()
	res := Result{
		Seed: r.Seed, Seconds: (r.now - r.Settle).Seconds(), Requests: c.arrived, Answered: c.answered, Failed: c.failed,
		Exits: c.exits, Reach: reach(c.exits), Latency: c.latency.summary(), Told: c.told.summary(), Early: c.early,
		SLO: Attainment{
			Seconds: r.SLO.Seconds(), Within: share(float64(c.within), float64(c.arrived)),
			Windows: c.window.windows, Good: c.window.goodBefore,
			Met: c.window.windows > 0 && float64(c.window.goodBefore) >= 0.995*float64(c.window.windows),
		},
		Dollars: Dollars{Transfer: c.transfer},
	}
	if r.control != nil {
		res.Scaling = &r.control.scaling
	}
	if r.detail != nil {
		res.Samples, res.Distribution = r.detailed(), c.latency.parts()
	}
	runs, onFunctions := 0, 0
	for _, p := range r.places[1:] {
		if f := p.function; f != nil {
			p.group.dollars += f.offer.IdlePerHour * max(min(r.now, f.until)-max(f.from, r.Settle), 0).Hours()
			res.Functions = append(res.Functions, f.result(p.group))
			res.Dollars.Functions += p.group.dollars
			onFunctions += p.group.runs
		}
	}
	for _, g := range r.groups {
		runs += g.runs
		if g.config.Stages > 0 {
			res.VMs = append(res.VMs, g.result())
			res.Dollars.VMs += g.dollars
		}
	}
	res.FunctionShare = share(float64(onFunctions), float64(runs))
	res.FunctionRequests = share(float64(c.onFunctions), float64(c.arrived))
	res.Dollars.Total = res.Dollars.VMs + res.Dollars.Functions + res.Dollars.Transfer
	return res
}

func (g *group) result() VMResult {
	return VMResult{
		Stages: g.stages.String(), Offer: g.offer, Launched: g.launched, VMSeconds: g.lived / 1e9,
		Utilisation: share(g.busy, g.slots), Requests: g.sent, Hedges: g.hedges, StageRuns: g.runs,
		Latency: g.latency.summary(), Dollars: g.dollars,
	}
}

func (f *function) result(g *group) FunctionResult {
	return FunctionResult{
		Stages: g.stages.String(), Offer: g.offer, Calls: f.calls, Cold: f.cold, Throttled: f.throttled, Warmed: f.warmed,
		BilledSeconds: f.billed / 1e9, Hedges: g.hedges, StageRuns: g.runs, Latency: g.latency.summary(), Dollars: g.dollars,
	}
}

// reach is the fraction of the answered requests that got as far as each stage.
func reach(exits []int) []float64 {
	out := make([]float64, len(exits))
	sum := 0
	for s := len(exits) - 1; s >= 0; s-- {
		sum += exits[s]
		out[s] = float64(sum)
	}
	for s := range out {
		out[s] = share(out[s], float64(sum))
	}
	return out
}

// share is a part of a whole; 0 of nothing.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
