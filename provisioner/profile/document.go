package profile

import (
	"cmp"
	"slices"
	"time"
)

// DocumentVersion is what this package writes and reads.
const DocumentVersion = 1

// Document is all that planning needs to know of a model, as JSON that a person can read, edit or
// write: what its stages take on each offer, how many requests reach them, and what travels
// between them. serflow.Profile measures one; testdata/by-hand.json is written by hand.
type Document struct {
	Version     int               `json:"version"`               // DocumentVersion
	Model       string            `json:"model,omitempty"`       // its name, for the reader
	Fingerprint string            `json:"fingerprint,omitempty"` // of the model; by hand it may be left out
	Source      string            `json:"source,omitempty"`      // where the numbers are from, for the reader
	Assumed     []string          `json:"assumed,omitempty"`     // what of it nobody has measured, for the reader
	Stages      []string          `json:"stages"`                // their names, in order
	Reach       *Reach            `json:"reach,omitempty"`       // nil: not known, and every request goes all the way
	Bytes       *Bytes            `json:"bytes,omitempty"`       // nil: not known, and nothing travels
	Offers      map[string]*Offer `json:"offers"`                // by the name of the VM type or function size
}

// Bytes is what a request carries into each stage, and its answer, as they are on the wire.
type Bytes struct {
	Into   []int `json:"into"`
	Answer int   `json:"answer"`
}

// Offer is what is known of the model on one VM type or function size. Only Times are needed.
type Offer struct {
	Measured time.Time `json:"measured,omitzero"`   // when it last was
	Slots    int       `json:"slots,omitempty"`     // of a VM: batches that it served at once; 0 means one for each vCPU
	Boot     Samples   `json:"boot,omitempty"`      // of a VM: from a launch until it served
	Cold     Samples   `json:"coldStart,omitempty"` // of a function: what calls waited for an instance to initialise
	Overhead Duration  `json:"overhead,omitempty"`  // of a function: billed for a call beside its stages
	Way      Duration  `json:"way,omitempty"`       // to it, or back: half of what a call takes beside the work
	// MemoryMB is the most that a worker with the whole model has used, in MB of 1,048,576 bytes; 0
	// if it is not known.
	MemoryMB float64 `json:"memoryMB,omitempty"`
	// Times are those of each stage, one entry each. An entry without a stage's name is for all
	// stages that have none of their own.
	Times []StageTimes `json:"times"`
}

// StageTimes is what batches of one stage take: by hand those of one row, with or without the gain of
// batches; or those of each size that is known.
type StageTimes struct {
	Stage string `json:"stage,omitempty"`
	Spread
	// Gain is the throughput in batches of 16 over that of single rows, as BatchGain has it. It
	// goes with single rows only; 0 means that nothing is known, which counts as 1.
	Gain    float64      `json:"gain,omitempty"`
	Batches []BatchTimes `json:"batches,omitempty"` // the smallest first, and of 1 row for a Profile
}

// BatchTimes is what batches of one size take: samples, or a spread by hand.
type BatchTimes struct {
	Rows int `json:"rows"`
	Spread
	Summary string  `json:"summary,omitempty"` // of the samples, for the reader: it is written, and never looked at
	Samples Samples `json:"samples,omitempty"`
}

// of is the entry for a stage; nil if there is none.
func (o *Offer) of(stage string) *StageTimes {
	var all *StageTimes
	for i := range o.Times {
		switch t := &o.Times[i]; t.Stage {
		case stage:
			return t
		case "":
			all = t
		}
	}
	return all
}

// Has tells whether batches of so many rows have been measured for every stage of an offer.
func (d *Document) Has(offer string, rows int) bool {
	o := d.Offers[offer]
	return o != nil && !slices.ContainsFunc(d.Stages, func(stage string) bool {
		t := o.of(stage)
		return t == nil || !slices.ContainsFunc(t.Batches, func(b BatchTimes) bool { return b.Rows == rows && len(b.Samples) > 0 })
	})
}

// byHand stands for the fingerprint of a model that has been given none.
const byHand = "by hand"

// Profile is the times on an offer, for serflow.Times, a planner or a simulation. The error is a
// *FieldError if the offer is unknown, or knows nothing of a stage or of its single rows.
func (d *Document) Profile(offer string) (*Profile, error) {
	o := d.Offers[offer]
	if o == nil {
		return nil, &FieldError{Offer: offer, Field: "offers", Problem: "it is not among them", Remedy: "measure it, or write what its stages take"}
	}
	stages := make([][]Batch, len(d.Stages))
	for k, name := range d.Stages {
		t := o.of(name)
		if t == nil {
			return nil, &FieldError{Offer: offer, Stage: name, Field: "times", Problem: "there are none", Remedy: "measure the stage on this offer, or write what it takes"}
		}
		var e *FieldError
		if stages[k], e = t.sizes(); e == nil && stages[k][0].Rows != 1 {
			e = &FieldError{Field: "batches", Problem: "there are none of 1 row", Remedy: "measure those too, or write them"}
		}
		if e != nil {
			e.Offer, e.Stage = offer, name
			return nil, e
		}
	}
	return New(cmp.Or(d.Fingerprint, byHand), offer, stages)
}
