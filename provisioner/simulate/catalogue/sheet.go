package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// ErrSheet marks a price sheet that cannot be read, or that has nothing for a model.
var ErrSheet = errors.New("bad price sheet")

// Sheet is what a cloud asks for VMs and functions, in US dollars, as JSON that a person can edit.
type Sheet struct {
	Name      string     `json:"name"`
	Region    string     `json:"region,omitempty"`
	Note      string     `json:"note,omitempty"`
	Transfer  Transfer   `json:"transfer,omitzero"`
	VMs       []VM       `json:"vms"`
	Functions []Function `json:"functions"`
}

// Transfer is dollars for 1e9 bytes to a place or back.
type Transfer struct {
	VM       float64 `json:"vm,omitempty"`
	Function float64 `json:"function,omitempty"`
}

// VM is a row for a type of VM.
type VM struct {
	Name          string           `json:"name"`
	Like          string           `json:"like"` // the offer of a profile that it is like, if the profile does not have it by its name
	Arch          string           `json:"arch,omitempty"`
	VCPUs         float64          `json:"vcpus"`
	MemoryGB      float64          `json:"memoryGB"`
	PerHour       float64          `json:"perHour"`
	Minimum       profile.Duration `json:"minimum,omitempty"`
	Market        string           `json:"market,omitempty"` // "spot", or none for on demand
	Interruptions float64          `json:"interruptionsPerHour,omitempty"`
	Dated         string           `json:"dated,omitempty"`
	Source        string           `json:"source,omitempty"`
}

// Function is a row for a size of function.
type Function struct {
	Name        string           `json:"name"`
	Like        string           `json:"like"`
	Arch        string           `json:"arch,omitempty"`
	MemoryMB    int              `json:"memoryMB"`
	PerCall     float64          `json:"perCall"`
	PerGBSecond float64          `json:"perGBSecond"`
	Round       profile.Duration `json:"round,omitempty"`
	Concurrency int              `json:"concurrency,omitempty"`
	Timeout     profile.Duration `json:"timeout,omitempty"`
	Payload     int              `json:"payload,omitempty"`
	Dated       string           `json:"dated,omitempty"`
	Source      string           `json:"source,omitempty"`
}

// ReadSheet reads a sheet to the end of r, and checks it. The error wraps ErrSheet.
func ReadSheet(r io.Reader) (*Sheet, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	s := new(Sheet)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%w: %w: write it like those of package catalogue", ErrSheet, err)
	}
	vms, functions := s.offers()
	seen := map[string]bool{}
	for _, o := range vms {
		if err := errors.Join(o.Validate(), once(seen, o.Name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSheet, err)
		}
	}
	for _, o := range functions {
		if err := errors.Join(o.Validate(), once(seen, o.Name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSheet, err)
		}
	}
	for _, v := range s.VMs {
		if v.Market != "" && v.Market != "spot" {
			return nil, fmt.Errorf("%w: %q is of market %q: write spot, or leave it out for on demand", ErrSheet, v.Name, v.Market)
		}
	}
	return s, nil
}

func once(seen map[string]bool, name string) error {
	if seen[name] {
		return fmt.Errorf("there are two rows %q: name each once", name)
	}
	seen[name] = true
	return nil
}

func (s *Sheet) offers() (vms []provisioner.VMOffer, functions []provisioner.FunctionOffer) {
	for _, v := range s.VMs {
		market := provisioner.OnDemand
		if v.Market == "spot" {
			market = provisioner.Spot
		}
		vms = append(vms, provisioner.VMOffer{
			Name: v.Name, Arch: v.Arch, VCPUs: v.VCPUs, MemoryGB: v.MemoryGB, PerHour: v.PerHour,
			Minimum: time.Duration(v.Minimum), Market: market, Interruptions: v.Interruptions,
		})
	}
	for _, f := range s.Functions {
		functions = append(functions, provisioner.FunctionOffer{
			Name: f.Name, Arch: f.Arch, MemoryMB: f.MemoryMB, PerCall: f.PerCall, PerGBSecond: f.PerGBSecond,
			Round: time.Duration(f.Round), Concurrency: f.Concurrency, Timeout: time.Duration(f.Timeout), Payload: f.Payload,
		})
	}
	return vms, functions
}

// Offers are the rows that a model's profile knows, by their own name or by what they are like, and the
// profile with all of them by name. The error wraps ErrSheet if there are none.
func (s *Sheet) Offers(d *profile.Document) (*profile.Document, []provisioner.VMOffer, []provisioner.FunctionOffer, error) {
	known := *d
	known.Offers = maps.Clone(d.Offers)
	is := func(name, like string) bool {
		if known.Offers[name] == nil && known.Offers[like] != nil {
			known.Offers[name] = known.Offers[like]
		}
		return known.Offers[name] != nil
	}
	var vms []provisioner.VMOffer
	var functions []provisioner.FunctionOffer
	allVMs, allFunctions := s.offers()
	for i, o := range allVMs {
		if is(o.Name, s.VMs[i].Like) {
			vms = append(vms, o)
		}
	}
	for i, o := range allFunctions {
		if is(o.Name, s.Functions[i].Like) {
			functions = append(functions, o)
		}
	}
	if len(vms)+len(functions) == 0 {
		return nil, nil, nil, fmt.Errorf("%w: %s has nothing that the profile of %q knows: name the offers of both alike, or say what the rows are like", ErrSheet, s.Name, d.Model)
	}
	return &known, vms, functions, nil
}

// Work is the seconds that a request takes on the first offer that a profile knows, one row at a time: of all stages, and
// on average by the profile's reach. The error wraps ErrSheet if there are no offers.
func (s *Sheet) Work(d *profile.Document) (pass, mean float64, err error) {
	known, vms, functions, err := s.Offers(d)
	if err != nil {
		return 0, 0, err
	}
	var name string
	if len(vms) > 0 {
		name = vms[0].Name
	} else {
		name = functions[0].Name
	}
	times, err := known.Profile(name)
	if err != nil {
		return 0, 0, err
	}
	for k := range d.Stages {
		reach := 1.0
		if d.Reach != nil {
			reach = d.Reach.Shares[k]
		}
		pass += times.Mean(k, 1).Seconds()
		mean += reach * times.Mean(k, 1).Seconds()
	}
	return pass, mean, nil
}
