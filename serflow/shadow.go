package serflow

import (
	"context"
	"runtime"

	"github.com/serflow/serflow-go/exit"
	accuracy "github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/stage"
)

// roomy tells whether a processor is idle, as far as calls tell. In process nothing else says
// whether a shadow would be in a request's way.
func (p *Pipeline) roomy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closing && len(p.calls) < runtime.GOMAXPROCS(0)
}

// enterShadow has a shadow begin if there is no other one.
func (p *Pipeline) enterShadow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing || p.inShadow {
		return false
	}
	p.inShadow = true
	p.exits.work.Add(1)
	return true
}

func (p *Pipeline) leaveShadow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inShadow = false
	p.exits.work.Done()
}

// check takes the sampled rows of a batch that has been answered through all stages, or tells what
// those have said that have passed all. The caller gets its batch back when this returns, so rows
// are copied.
func (f *flight) check(batch []stage.Tensor) {
	var rows []int
	for _, row := range f.checked.rows {
		if f.results[row].Exit >= 0 {
			rows = append(rows, row)
		}
	}
	if f.exits.asked != nil {
		f.heard()
	}
	if len(rows) > 0 {
		f.shadow(stage.Take(batch, rows), len(rows))
	}
}

// shadow takes rows, in memory of their own, through all stages if there is room.
func (f *flight) shadow(batch []stage.Tensor, rows int) {
	p, set := f.Pipeline, f.checked.shadow
	p.exits.sampled(rows)
	if !p.enterShadow() {
		p.exits.dropped(rows)
		return
	}
	go func() {
		defer p.leaveShadow()
		p.exits.shadow(set, rows, func(ctx context.Context) ([][]accuracy.Seen, float64, error) {
			seen, err := p.through(ctx, set, batch, rows)
			return seen, 0, err
		})
	}()
}

// heard tells the watch what all exits have said of rows that were served at full depth.
func (f *flight) heard() {
	var all [][]accuracy.Seen
	for row, seen := range f.checked.seen {
		if f.results[row].Exit >= 0 {
			all = append(all, seen)
		}
	}
	f.Pipeline.exits.sampled(len(all))
	f.Pipeline.exits.observe(f.exits, all...)
}

// through is what every exit says of rows that leave at none, as long as there is room.
func (p *Pipeline) through(ctx context.Context, set *exitSet, batch []stage.Tensor, rows int) ([][]accuracy.Seen, error) {
	seen, states := make([][]accuracy.Seen, rows), make([]exit.State, rows)
	for k := range p.model.Stages {
		if !p.roomy() {
			return nil, errNoRoom
		}
		out, err := p.stages.Run(ctx, k, rows, batch)
		if err != nil {
			return nil, err
		}
		o, err := p.stages.Split(k, rows, out)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			d := o.Decide(set.asked[k], i, states[i])
			states[i] = d.State
			seen[i] = append(seen[i], accuracy.Saw(d))
		}
		batch = o.Rest
	}
	return seen, nil
}

// rentedShadow takes a sampled row that has been answered through all stages, on VMs that have
// room. It is called while the request's call is under way, so that the pipeline is still open. The
// row's memory is the request's own.
func (p *Pipeline) rentedShadow(set *exitSet, row []stage.Tensor) {
	p.exits.sampled(1)
	p.exits.work.Go(func() {
		p.exits.shadow(set, 1, func(ctx context.Context) ([][]accuracy.Seen, float64, error) {
			r, seen := p.cloud.inShadow(ctx, row, set)
			return [][]accuracy.Seen{seen}, r.Dollars, r.Err
		})
	})
}
