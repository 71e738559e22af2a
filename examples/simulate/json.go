package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// output is the file for the JSON, made before anything is simulated: a path that cannot
// be written is better known then. Its File is nil if the JSON goes to standard output.
type output struct {
	*os.File
	fresh bool // there was none before, and nothing has been written to it
}

// create opens the file that -json names, or a new one in the temporary folder. One that
// exists keeps what it holds until there are figures to replace it.
func (s settings) create() (o *output, err error) {
	o = &output{}
	switch s.json {
	case "-":
	case "":
		o.fresh = true
		o.File, err = os.CreateTemp("", "serflow-simulate-*.json")
	default:
		_, missing := os.Stat(s.json)
		o.fresh = errors.Is(missing, fs.ErrNotExist)
		o.File, err = os.OpenFile(s.json, os.O_WRONLY|os.O_CREATE, 0o666)
	}
	return o, err
}

func (o *output) save(r report) error {
	o.fresh = false
	info, err := o.Stat()
	if err == nil && info.Mode().IsRegular() { // a pipe or a device has no length
		err = o.Truncate(0)
	}
	if err == nil {
		err = r.writeJSON(o)
	}
	if err := errors.Join(err, o.Close()); err != nil {
		return fmt.Errorf("-json: %w", err)
	}
	return nil
}

// abandon closes the file, and removes it if it would be left empty.
func (o *output) abandon() {
	if o.File == nil {
		return
	}
	o.Close()
	if o.fresh {
		os.Remove(o.Name())
	}
}
