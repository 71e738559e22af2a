package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// document is the report as JSON: what was asked for and assumed, and the result of
// each seed on each plan. Times are in seconds.
type document struct {
	Trace           string         `json:"trace"`
	RecordedSeconds float64        `json:"recordedSeconds"`
	Recorded        int64          `json:"recorded"` // requests
	Rate            float64        `json:"rate"`     // redrawn, a second
	VCPUs           float64        `json:"vcpus"`
	Model           string         `json:"model"`
	MultiplyAdds    []float64      `json:"multiplyAdds"` // of each stage
	Reach           []float64      `json:"reach"`
	SLO             float64        `json:"slo"`
	Boot            float64        `json:"boot"`
	Pass            float64        `json:"pass"`
	CV              float64        `json:"cv"`
	Runs            float64        `json:"runs"`
	Plans           []planDocument `json:"plans"`
	Cheapest        string         `json:"cheapest,omitempty"` // that met the SLO with every seed
}

type planDocument struct {
	Name    string            `json:"name"`
	Plan    provisioner.Plan  `json:"plan"`
	Results []simulate.Result `json:"results"`
}

func (r report) document() document {
	s, w := r.settings, r.work
	d := document{
		Trace: w.name, RecordedSeconds: w.recorded.Length.Seconds(), Recorded: w.recorded.Requests, Rate: w.rate, VCPUs: s.vcpus,
		Model: modelName, MultiplyAdds: w.network.cost, Reach: w.network.exits.Reach(),
		SLO: s.slo.Seconds(), Boot: s.boot.Seconds(), Pass: s.pass.Seconds(), CV: s.cv, Runs: s.runs,
	}
	for _, o := range r.plans {
		d.Plans = append(d.Plans, planDocument{o.plan.name, o.plan.Plan, o.results})
	}
	if best := r.cheapest(); best != nil {
		d.Cheapest = best.plan.name
	}
	return d
}

func (r report) writeJSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r.document())
}

// save writes the JSON to a file, or to a new one in the temporary folder, and says to
// which.
func (r report) save(path string) (string, error) {
	create := func() (*os.File, error) { return os.Create(path) }
	if path == "" {
		create = func() (*os.File, error) { return os.CreateTemp("", "serflow-simulate-*.json") }
	}
	file, err := create()
	if err != nil {
		return "", fmt.Errorf("-json: %w", err)
	}
	if err := errors.Join(r.writeJSON(file), file.Close()); err != nil {
		return "", fmt.Errorf("-json: %w", err)
	}
	return file.Name(), nil
}
