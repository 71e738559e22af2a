package serflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// toMeasure has a pipeline rent what a step needs, and serve nobody else.
func (r *profiling) toMeasure(s step) Option {
	return func(p *Pipeline) {
		rental := &p.rental
		rental.vms, rental.functions, rental.plan = s.vms, s.functions, &s.plan
		rental.slo, rental.times, rental.scaling, rental.store, rental.recommend = 0, nil, nil, nil, false
		rental.measuring = slices.Max(r.Batches)
	}
}

// measure measures an offer, and ends what it has rented for that.
func (r *profiling) measure(ctx context.Context, s step) (err error) {
	r.tell(s.offer, 0, r.progress.Done)
	p, err := Open(ctx, r.model, append(slices.Clone(r.options), r.toMeasure(s))...)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, p.Teardown(ctx))
	}()
	places, err := p.cloud.placesOf(ctx, s.places)
	if err != nil {
		return err
	}
	if err := r.add(ctx, s.offer, started(places)); err != nil {
		return err
	}
	if r.document.Bytes == nil {
		if err := r.weigh(ctx, p, places[0]); err != nil {
			return err
		}
	}
	for i, rows := range s.rows {
		if r.tooLarge(s.offer, rows) {
			r.progress.All -= r.batches(s.rows[i:])
			break
		}
		if err := r.size(ctx, p, s, places, rows); err != nil {
			return err
		}
	}
	return nil
}

// placesOf waits until so many places serve.
func (c *cloud) placesOf(ctx context.Context, n int) ([]*place, error) {
	for {
		if groups := c.byGroup(); len(groups) > 0 && len(groups[0]) >= n {
			return groups[0], nil
		}
		if !sleep(ctx, soon) {
			remedy, err := ended(ctx)
			return nil, c.wrong(remedy, fmt.Errorf("%w while VMs boot: %s", err, c.fleet.summary()))
		}
	}
}

// started is what it took to start places.
func started(places []*place) *profile.Offer {
	o := &profile.Offer{}
	for _, p := range places {
		if p.boot > 0 {
			o.Boot = append(o.Boot, p.boot)
		}
		o.Cold = append(o.Cold, p.colds...)
	}
	return o
}

// size measures batches of so many rows.
func (r *profiling) size(ctx context.Context, p *Pipeline, s step, places []*place, rows int) error {
	survey, err := p.survey(r.samples, rows)
	if err != nil {
		return err
	}
	before := r.progress.Done
	survey.done = func(visits, _ int) { r.tell(s.offer, rows, before+visits) }
	if s.functions == nil {
		places = slices.Repeat(places, s.slots)
	}
	if err := survey.visit(ctx, places, len(places)*max(s.slots, 1)); err != nil {
		return err
	}
	found := survey.seen[0].offer(r.model, rows)
	if s.functions == nil {
		found.Slots, found.MemoryMB = s.slots, peak(ctx, places[:s.places])
	}
	return r.add(ctx, s.offer, found)
}

// peak is the most memory in MB that one of some VMs has used; 0 if none can tell.
func peak(ctx context.Context, places []*place) (mb float64) {
	for _, p := range places {
		if bytes, err := p.worker.Peak(ctx); err == nil {
			mb = max(mb, float64(bytes>>20))
		}
	}
	return mb
}

// weigh finds out what a sample's request and answer weigh on the wire, stage by stage.
func (r *profiling) weigh(ctx context.Context, p *Pipeline, at *place) error {
	s, err := p.survey(r.samples[:1], 1)
	if err != nil {
		return err
	}
	weights, input := &profile.Bytes{}, s.inputs[0][0]
	for k, st := range r.model.Stages {
		in := stage.Range{First: k, Last: k}
		request := remote.Request{Fingerprint: s.fingerprint, Stages: in, Exits: s.passing(in), States: []exit.State{{}}, Inputs: input}
		body, _, err := wire.EncodeRequest(nil, &request)
		if err != nil {
			return p.badInput(err)
		}
		weights.Into = append(weights.Into, len(body))
		a := s.send(ctx, at, request)
		if err := a.reply.Err; err != nil {
			return &Error{Stage: st.Name, Group: at.group.Group, Provider: at.provider, Err: err, Remedy: "measure again"}
		}
		if input = a.part.Outputs; k == len(r.model.Stages)-1 {
			body, _, err = wire.EncodeReply(nil, &remote.Reply{Model: r.model.Name, Parts: []remote.Part{a.part}})
			weights.Answer = len(body)
		}
		if err != nil {
			return p.badInput(err)
		}
	}
	r.document.Bytes = weights
	return nil
}

func (r *profiling) tell(offer string, rows, done int) {
	r.progress.Offer, r.progress.Rows, r.progress.Done = offer, rows, done
	if r.Progress != nil {
		r.Progress(r.progress)
	}
}

// load goes on from what the store has.
func (r *profiling) load(ctx context.Context) error {
	if r.Store == nil {
		return nil
	}
	data, err := r.Store.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var there *profile.Document
	if err == nil {
		there, err = profile.ReadDocument(bytes.NewReader(data))
	}
	if err == nil {
		there, err = r.document.Merge(there)
	}
	if err != nil {
		return r.rental.wrong("mend what is in the Store of Profiling, remove it, or give another", fmt.Errorf("the profile that is to be gone on with, in %s: %w", storeName(r.Store), err))
	}
	r.document = there
	return nil
}

// add adds what was found of an offer, and saves it.
func (r *profiling) add(ctx context.Context, offer string, o *profile.Offer) error {
	also := *r.document
	also.Offers = map[string]*profile.Offer{offer: o}
	both, err := r.document.Merge(&also)
	if err != nil {
		return r.rental.wrong("measure into another Store of Profiling", err)
	}
	r.document = both
	return r.save(ctx)
}

// save saves what has been measured so far.
func (r *profiling) save(ctx context.Context) error {
	if r.Store == nil {
		return nil
	}
	var text bytes.Buffer
	if err := r.document.Write(&text); err != nil {
		return r.rental.wrong("", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	if err := r.Store.Save(ctx, text.Bytes()); err != nil {
		return r.rental.wrong("see why the Store of Profiling cannot save it", fmt.Errorf("what is measured is not saved in %s: %w", storeName(r.Store), err))
	}
	return nil
}

// Reach is the fraction of the requests that got as far as each stage, as profile.Reach has it; nil
// before the first request.
func (s Stats) Reach() (reach []float64) {
	for _, st := range s.Stages {
		if st.Reach == 0 && len(reach) == 0 {
			return nil
		}
		reach = append(reach, st.Reach)
	}
	return reach
}
