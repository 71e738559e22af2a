package serflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// Measurement is what Measure has found out about the places of a pipeline.
type Measurement struct {
	Profiles map[string]*profile.Profile // of the model, by the name of the offer
	Network  provisioner.Network         // half of what a call takes beside its stages, each way; and the bytes of activations
	Cold     map[string]time.Duration    // the longest cold start that was met, by the name of the function's offer
}

// Measure finds out what the places of the plan take for single rows, to go on with them; Profile is
// for all that could be rented, with batches, and to plan with.
//
// Measure takes each sample, tensors without a batch dimension, through all stages of a VM
// and of the function of each group, leaving at no exit. So many samples at most are on their
// way at once, each on a VM of its own: where slots share a processor, measure with as many
// as will be busy. What a call of a function is billed beside its stages counts as time of
// its first stage.
//
// Done, if it is not nil, is told how many of all visits are over. Measure needs providers,
// and ends with the context's error when that is over.
func (p *Pipeline) Measure(ctx context.Context, samples [][]stage.Tensor, atOnce int, done func(visits, all int)) (m Measurement, err error) {
	if p.cloud == nil || len(samples) == 0 || atOnce < 1 {
		return m, &Error{Provider: p.provider, Err: fmt.Errorf("%w: nothing to measure", ErrInput), Remedy: "open the pipeline with serflow.On, and give samples and how many may be on their way at once"}
	}
	var c call
	if ctx, err = p.begin(ctx, &c); err != nil {
		return m, err
	}
	defer p.end(&c)
	s, err := p.survey(samples, 1)
	if err != nil {
		return m, err
	}
	s.done = done
	groups := p.cloud.byGroup()
	s.all = len(s.inputs) * len(groups)
	for _, places := range groups {
		if err := s.visit(ctx, places, atOnce); err != nil {
			return m, err
		}
	}
	return s.found()
}

// survey will take the samples to places, so many rows in a batch.
func (p *Pipeline) survey(samples [][]stage.Tensor, rows int) (s *survey, err error) {
	s = &survey{cloud: p.cloud, rows: rows}
	for i := 0; i+rows <= max(len(samples), rows); i += rows {
		var batch [][]stage.Tensor
		for n := range rows { // of fewer samples than rows some are there twice
			batch = append(batch, samples[(i+n)%len(samples)])
		}
		inputs := make([][]stage.Tensor, len(p.model.Stages)+1)
		if inputs[0], err = stage.Stack(batch); err != nil {
			return nil, p.badInput(err)
		}
		s.inputs = append(s.inputs, inputs)
	}
	return s, nil
}

// byGroup is the places of each group, those of the first stages first.
func (c *cloud) byGroup() (groups [][]*place) {
	c.places.Range(func(_, v any) bool {
		p := v.(*place)
		i := slices.IndexFunc(groups, func(g []*place) bool { return g[0].group == p.group })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], p)
		return true
	})
	slices.SortFunc(groups, func(a, b []*place) int {
		return cmp.Or(cmp.Compare(a[0].stages.First, b[0].stages.First), cmp.Compare(a[0].kind, b[0].kind))
	})
	return groups
}

// survey is a measurement under way.
type survey struct {
	*cloud
	rows   int                // of each batch
	inputs [][][]stage.Tensor // by batch and stage
	seen   []*visited
	all    int
	done   func(visits, all int)

	mu     sync.Mutex
	visits int
}

// visited is what was measured of a group.
type visited struct {
	place   *place            // one of its
	stages  [][]time.Duration // service times, by stage of the model
	beside  []time.Duration   // what calls took beside the time they are billed, or worked on
	billing []time.Duration   // what a function was billed beside its stages
	colds   []time.Duration
}

// visit takes all batches to the places of a group: to each VM one at a time.
func (s *survey) visit(caller context.Context, places []*place, atOnce int) error {
	v := &visited{place: places[0], stages: make([][]time.Duration, len(s.model.Stages))}
	s.seen = append(s.seen, v)
	if places[0].kind == balancer.Function {
		places = slices.Repeat(places, atOnce)
	}
	next := make(chan int)
	g, ctx := errgroup.WithContext(caller)
	for _, p := range places[:min(len(places), atOnce)] {
		g.Go(func() error {
			for i := range next {
				if err := s.take(ctx, p, i, v); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(next)
		for i := range s.inputs {
			select {
			case next <- i:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	err := g.Wait()
	if caller.Err() != nil {
		remedy, why := ended(caller)
		return &Error{Group: v.place.group.Group, Provider: v.place.provider, Err: why, Remedy: remedy}
	}
	return err
}

// take takes a batch through all stages of a place, as a request that leaves nowhere.
func (s *survey) take(ctx context.Context, p *place, i int, v *visited) error {
	in := p.stages
	a := s.send(ctx, p, remote.Request{
		Generation: s.inForce().Generation, Stages: in, Exits: s.passing(in), States: make([]exit.State, s.rows), Inputs: s.inputs[i][in.First],
	})
	err := a.reply.Err
	if err == nil && len(a.stages) != in.Len() {
		err = fmt.Errorf("%w: the worker has told the times of %d stages, of %d, for %d rows as one batch", remote.ErrVersion, len(a.stages), in.Len(), s.rows)
	}
	if err != nil {
		return &Error{Stage: s.model.Stages[in.First].Name, Group: p.group.Group, Provider: p.provider, Err: err, Remedy: "measure again"}
	}
	s.inputs[i][in.Last+1] = a.part.Outputs
	s.mu.Lock()
	defer s.mu.Unlock()
	v.note(a)
	if s.visits++; s.done != nil {
		s.done(s.visits, s.all)
	}
	return nil
}

// passing are the exits with which stages pass every row on, but for the model's last.
func (c *cloud) passing(in stage.Range) []exit.Policy {
	exits := slices.Repeat([]exit.Policy{exit.Never()}, in.Len())
	if in.Last == len(c.model.Stages)-1 {
		exits[in.Len()-1] = c.model.Stages[in.Last].Exit
	}
	return exits
}

func (v *visited) note(a attempt) {
	service := a.reply.Service
	for i, t := range a.stages {
		k := v.place.stages.First + i
		v.stages[k] = append(v.stages[k], t)
	}
	if v.place.kind == balancer.VM {
		v.beside = append(v.beside, a.took-service)
		return
	}
	v.billing = append(v.billing, a.billed-service)
	v.beside = append(v.beside, a.took-a.cold-a.billed)
	if a.cold > 0 {
		v.colds = append(v.colds, a.cold)
	}
}

// offer is what was seen of an offer; of stages that its group does not serve, nothing.
func (v *visited) offer(m stage.Model, rows int) *profile.Offer {
	o := &profile.Offer{Measured: time.Now().UTC().Truncate(time.Second), Overhead: profile.Duration(max(median(v.billing), 0)), Cold: v.colds}
	if rows == 1 {
		o.Way = profile.Duration(max(median(v.beside)/2, 0))
	}
	for k, times := range v.stages {
		for i := range times {
			times[i] = max(times[i], 1)
		}
		slices.Sort(times)
		o.Times = append(o.Times, profile.StageTimes{Stage: m.Stages[k].Name, Batches: []profile.BatchTimes{{Rows: rows, Samples: times}}})
	}
	return o
}

// found makes profiles of what has been seen.
func (s *survey) found() (m Measurement, err error) {
	m = Measurement{Profiles: map[string]*profile.Profile{}, Cold: map[string]time.Duration{}}
	byOffer := map[string][][]time.Duration{}
	for _, v := range s.seen {
		name, o := v.place.offer, v.offer(s.model, s.rows)
		if byOffer[name] == nil {
			byOffer[name] = make([][]time.Duration, len(s.model.Stages))
		}
		for k, t := range o.Times {
			for _, sample := range t.Batches[0].Samples {
				if k == v.place.stages.First {
					sample += time.Duration(o.Overhead)
				}
				byOffer[name][k] = append(byOffer[name][k], sample)
			}
		}
		path := provisioner.Path{Latency: time.Duration(o.Way)}
		if v.place.kind == balancer.VM {
			m.Network.VM = path
		} else {
			m.Network.Function = path
			m.Cold[name] = slices.Max(append(o.Cold, 0))
		}
	}
	for offer, stages := range byOffer {
		if m.Profiles[offer], err = s.profile(offer, stages); err != nil {
			return m, err
		}
	}
	return m, nil
}

// profile is that of an offer. Of stages that it does not serve nothing is known, and nothing
// will be asked.
func (s *survey) profile(offer string, stages [][]time.Duration) (*profile.Profile, error) {
	var batches [][]profile.Batch
	for _, times := range stages {
		if times == nil {
			times = []time.Duration{1}
		}
		slices.Sort(times)
		batches = append(batches, []profile.Batch{{Rows: 1, Samples: times}})
	}
	p, err := profile.New(s.fingerprint, offer, batches)
	if err != nil {
		return nil, &Error{Err: errors.Join(ErrStage, err)}
	}
	return p, nil
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}
