package compare

import (
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// Report is what a comparison came to. Money is US dollars per hour of the run, times are seconds.
type Report struct {
	Model    string   `json:"model"`
	Source   string   `json:"source,omitempty"`
	Assumed  []string `json:"assumed,omitempty"`
	Stages   []string `json:"stages"`
	Prices   string   `json:"prices"`
	Traffic  string   `json:"traffic,omitempty"`
	Seconds  int      `json:"seconds"`
	Requests Figure   `json:"requests"`
	VCPUs    float64  `json:"vcpus"` // of work that is offered, one row at a time on the planner's VMs; 0 if it has none
	SLO      float64  `json:"slo"`
	Seed     uint64   `json:"seed"`
	Seeds    int      `json:"seeds"`
	Bound    Bound    `json:"bound"`
	Planned  string   `json:"planned"` // the planner's words on its best plan: what CostOptimal and others run on
	Rows     []*Row   `json:"policies"`
}

// Bound is oracle.Bound in dollars per hour.
type Bound struct {
	Total     Figure `json:"total"` // with all requests in time
	VMs       Figure `json:"vms"`
	Functions Figure `json:"functions"`
	Transfer  Figure `json:"transfer"`
	Met       Figure `json:"met"` // with as few in time as the SLO allows
}

// Row is a policy.
type Row struct {
	Policy string `json:"policy"`
	Full   bool   `json:"fullDepth,omitempty"` // the model without exits
	Plan   string `json:"plan,omitempty"`
	Why    string `json:"why,omitempty"` // it could not run; then there is nothing else

	VMs       Figure `json:"vms"`
	Functions Figure `json:"functions"`
	Transfer  Figure `json:"transfer"`
	Total     Figure `json:"total"`
	OverBound Figure `json:"overBound"` // Total over the Bound's, of the same requests with exits

	Within  Figure  `json:"within"`      // share of the requests in time
	Good    Figure  `json:"goodMinutes"` // share of the minutes with 99 % in time
	Met     int     `json:"met"`         // seeds at which the SLO was
	Latency Latency `json:"latency"`     // end to end, of what was answered

	VMHours       Figure    `json:"vmHours"`     // in an hour
	Utilisation   Figure    `json:"utilisation"` // of the slots of all VMs, boots included
	FunctionShare Figure    `json:"functionShare"`
	Shed          Figure    `json:"shed"` // requests an hour that were refused
	Late          Figure    `json:"late"` // requests an hour that ended otherwise without an answer
	Changes       Figure    `json:"changes"`
	Up            Figure    `json:"up"` // VMs an hour
	Down          Figure    `json:"down"`
	Exits         []float64 `json:"exits,omitempty"` // share of the answers by stage

	Groups  []Group           `json:"groups,omitempty"`
	Results []simulate.Result `json:"results,omitempty"` // of each seed
}

// Group is a VM group or a function of a policy's plan.
type Group struct {
	Kind        string  `json:"kind"` // "VMs" or "function"
	Stages      string  `json:"stages"`
	Offer       string  `json:"offer"`
	Dollars     Figure  `json:"dollars"`
	VMHours     Figure  `json:"vmHours"`
	Utilisation Figure  `json:"utilisation"`
	Requests    Figure  `json:"requests"` // an hour
	Cold        Figure  `json:"cold"`     // calls an hour
	Latency     Latency `json:"latency"`  // of a visit
}

// Latency is quantiles, each a mean over seeds.
type Latency struct {
	P50  Figure `json:"p50"`
	P90  Figure `json:"p90"`
	P99  Figure `json:"p99"`
	P999 Figure `json:"p99.9"`
}

func (w *workload) report(entrants []*entrant) (*Report, error) {
	r := &Report{
		Model: w.profile.Model, Source: w.profile.Source, Assumed: w.profile.Assumed, Stages: w.profile.Stages, Prices: w.Prices.Name, Traffic: w.Traffic,
		Seconds: int(w.counts() / time.Second), SLO: w.SLO.Seconds(), Seed: w.Seed, Seeds: w.Seeds, Planned: w.planned,
		Requests: over(w.counted, func(d *oracle.Draw) float64 { return float64(d.Requests()) }),
	}
	r.VCPUs = w.offered(r.Requests.Mean / w.counts().Seconds())
	var bounds []oracle.Bound
	for seed := range w.Seeds {
		b, err := w.bound(seed)
		if err != nil {
			return nil, err
		}
		bounds = append(bounds, b)
	}
	r.Bound = w.boundRow(bounds)
	for _, e := range entrants {
		row := &Row{Policy: e.name, Full: e.full, Why: e.why}
		if e.why == "" {
			row.Plan = describe(e.plan)
			row.fill(e.results, bounds)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}

// offered is the slots that a rate keeps busy on the cheapest VM.
func (w *workload) offered(rate float64) (vcpus float64) {
	if len(w.ask.VMs) == 0 {
		return 0
	}
	for s, reach := range w.reach() {
		vcpus += rate * reach * w.ask.VMs[0].Times.Mean(s, 1).Seconds()
	}
	return vcpus
}

func (w *workload) boundRow(bounds []oracle.Bound) Bound {
	hours := w.counts().Hours()
	of := func(part func(oracle.Bound) float64) Figure {
		return over(bounds, func(b oracle.Bound) float64 { return part(b) / hours })
	}
	return Bound{
		Total:     of(func(b oracle.Bound) float64 { return b.Total }),
		VMs:       of(func(b oracle.Bound) float64 { return b.VMs }),
		Functions: of(func(b oracle.Bound) float64 { return b.Functions }),
		Transfer:  of(func(b oracle.Bound) float64 { return b.Transfer }),
		Met:       of(func(b oracle.Bound) float64 { return b.Met }),
	}
}
