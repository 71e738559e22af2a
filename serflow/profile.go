package serflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// Profiling is what Profile measures, and how. The zero value of a field is its default.
type Profiling struct {
	Offers  []string // names of VM types and function sizes; default all that the providers sell
	Batches []int    // rows of the batches on VMs, 1 among them; default 1, 2, 4, 8 and 16
	VMs     int      // of a type at once; default 1. Where VMs share a processor, as many as will
	Calls   int      // of a function at once, which is how many cold starts are met; default 1
	// Store has what was measured after each step; what is there already is not measured again.
	// Default: nothing is kept.
	Store    Store
	Progress func(ProfileProgress)
}

// ProfileProgress is how far Profile is.
type ProfileProgress struct {
	Offer     string
	Rows      int // of the batches that are measured now; 0 while VMs boot
	Done, All int // batches of all that this run is to measure
}

// Profile measures what a model's stages take on what the providers of On sell: VM types with batches of
// several sizes, all slots of a VM busy, and function sizes with single rows; how long VMs boot and
// functions start cold; what memory a worker uses; and the bytes that travel. planner.AskOf makes a
// planner's question of it.
//
// The samples, tensors without a batch dimension, are each taken through all stages, leaving at no
// exit, once for each batch size: 100 or more, for the tail matters. With an SLO, batches are left out
// that are larger than one which takes more than half of it.
//
// It opens a pipeline for each offer, one after the other, and so needs an Owner, of its own, for all
// that carries the name is ended; Limits; and Artifacts where the provider does. Plan, Times, Scale and State do not count.
// An offer that cannot be measured does not stop the others.
//
// When ctx is over, or there is another error, the document is what has been measured so far: with a
// Store, another run goes on from there.
func Profile(ctx context.Context, model stage.Model, samples [][]stage.Tensor, o Profiling, options ...Option) (*profile.Document, error) {
	r, err := newProfiling(ctx, model, samples, o, options)
	if err != nil {
		return nil, err
	}
	steps, err := r.missing(ctx)
	if err != nil {
		return r.document, err
	}
	if len(steps) > 0 { // what could not be saved in the end is not rented for
		if err := r.save(ctx); err != nil {
			return r.document, err
		}
	}
	var errs []error
	for _, s := range steps {
		if err := r.measure(ctx, s); err != nil {
			errs = append(errs, fmt.Errorf("offer %q: %w", s.offer, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return r.document, errors.Join(errs...)
}

// batchSizes are those that are measured by default.
var batchSizes = []int{1, 2, 4, 8, 16}

// profiling is a Profile under way.
type profiling struct {
	Profiling
	model    stage.Model
	samples  [][]stage.Tensor
	options  []Option
	rental   rental // what the options say
	document *profile.Document
	progress ProfileProgress
}

func newProfiling(ctx context.Context, model stage.Model, samples [][]stage.Tensor, o Profiling, options []Option) (*profiling, error) {
	var scratch Pipeline
	for _, option := range options {
		if option != nil {
			option(&scratch)
		}
	}
	r := &profiling{Profiling: o, model: model, samples: samples, options: options, rental: scratch.rental}
	r.Batches = slices.Sorted(slices.Values(r.Batches))
	if len(r.Batches) == 0 {
		r.Batches = batchSizes
	}
	r.VMs, r.Calls = cmp.Or(r.VMs, 1), cmp.Or(r.Calls, 1)
	switch wrong := r.rental.wrong; {
	case !r.rental.on || len(samples) == 0:
		return nil, wrong("give serflow.On, and samples", fmt.Errorf("%w: nothing to measure", ErrInput))
	case r.Batches[0] != 1 || len(slices.Compact(slices.Clone(r.Batches))) < len(r.Batches) || r.VMs < 1 || r.Calls < 1:
		return nil, wrong("give each size once, 1 among them, and at least 1 VM and 1 call", fmt.Errorf("%w: batches of %v rows, %d VMs, %d calls", ErrInput, r.Batches, r.VMs, r.Calls))
	}
	if err := model.Validate(); err != nil {
		return nil, r.rental.wrong("mend the model", err)
	}
	fingerprint, err := model.Fingerprint()
	if err != nil {
		return nil, r.rental.wrong("mend the stage's source", err)
	}
	r.document = &profile.Document{Version: profile.DocumentVersion, Model: model.Name, Fingerprint: fingerprint, Offers: map[string]*profile.Offer{}}
	for _, s := range model.Stages {
		r.document.Stages = append(r.document.Stages, s.Name)
	}
	return r, r.load(ctx)
}

// step is an offer that is to be measured.
type step struct {
	offer     string
	plan      provisioner.Plan
	vms       providers.VMs // one of both
	functions providers.Functions
	rows      []int // of the batches that are missing
	places    int   // that are to be measured
	slots     int   // of each
}

// missing are the steps that are left.
func (r *profiling) missing(ctx context.Context) (steps []step, err error) {
	offered, err := r.offered(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range r.Offers {
		if !slices.ContainsFunc(offered, func(s step) bool { return s.offer == name }) {
			return nil, r.rental.wrong("name offers as the providers do", fmt.Errorf("%w: no offer is called %q", providers.ErrNotFound, name))
		}
	}
	for _, s := range offered {
		if len(r.Offers) > 0 && !slices.Contains(r.Offers, s.offer) {
			continue
		}
		s.rows = slices.DeleteFunc(s.rows, func(rows int) bool { return r.document.Has(s.offer, rows) || r.tooLarge(s.offer, rows) })
		if len(s.rows) > 0 {
			steps = append(steps, s)
			r.progress.All += r.batches(s.rows)
		}
	}
	return steps, nil
}

// offered are the steps that there could be.
func (r *profiling) offered(ctx context.Context) (steps []step, err error) {
	all := wholeModel(len(r.model.Stages))
	if p := r.rental.vms; p != nil {
		offers, err := p.Offers(ctx)
		if err != nil {
			return nil, unsold(p.Name(), "VMs", err)
		}
		for _, o := range offers {
			g := provisioner.VMGroup{Stages: all, Offer: o, VMs: r.VMs}
			steps = append(steps, step{offer: o.Name, plan: provisioner.Plan{VMs: []provisioner.VMGroup{g}}, vms: p, rows: slices.Clone(r.Batches), places: r.VMs, slots: g.SlotsOf()})
		}
	}
	if p := r.rental.functions; p != nil {
		offers, err := p.Offers(ctx)
		if err != nil {
			return nil, unsold(p.Name(), "functions", err)
		}
		for _, o := range offers {
			g := provisioner.FunctionGroup{Stages: all, Offer: o, Cold: coldByDefault}
			steps = append(steps, step{offer: o.Name, plan: provisioner.Plan{Functions: []provisioner.FunctionGroup{g}}, functions: p, rows: []int{1}, places: 1, slots: r.Calls})
		}
	}
	return steps, nil
}

// batches is how many the samples make, of all these sizes.
func (r *profiling) batches(sizes []int) (n int) {
	for _, rows := range sizes {
		n += max(len(r.samples)/rows, 1)
	}
	return n
}

// tooLarge tells whether smaller batches on an offer take too long for larger ones to be of use.
func (r *profiling) tooLarge(offer string, rows int) bool {
	if r.rental.slo == 0 {
		return false
	}
	for _, smaller := range r.Batches {
		if smaller >= rows || !r.document.Has(offer, smaller) {
			break
		}
		times, err := r.document.Profile(offer)
		if err != nil {
			return false
		}
		through := time.Duration(0)
		for k := range r.model.Stages {
			through += times.Mean(k, smaller)
		}
		if through > r.rental.slo/2 {
			return true
		}
	}
	return false
}
