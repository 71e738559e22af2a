package serflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/serflow/serflow-go/internal/compute"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// closeGrace is how long Close waits for requests in flight.
const closeGrace = 30 * time.Second

// Option changes how a pipeline is opened.
type Option func(*Pipeline)

// Observe attaches an observer; nil is none.
func Observe(o Observer) Option {
	return func(p *Pipeline) {
		if o != nil {
			p.observer = o
		}
	}
}

// Pipeline serves one model. It is safe for concurrent use.
type Pipeline struct {
	model       stage.Model
	rental      rental
	stages      *compute.Stages // in process; nil with providers
	cloud       *cloud          // with providers; else nil
	recommender *recommender    // nil if nothing is recommended
	group       string
	provider    string
	observer    Observer
	recorder    *recorder
	watching    exitOptions
	exits       *exits

	mu       sync.Mutex
	closing  bool
	calls    map[*call]struct{}
	inShadow bool          // in process: one is under way
	idle     chan struct{} // closed when closing and the last call has ended
	late     error         // requests were cancelled, for want of time
	closeErr error
	closed   chan struct{} // closed when the runners are
	release  sync.Once
}

// call is an Infer or InferBatch in flight.
type call struct{ cancel context.CancelCauseFunc }

// Open checks the model and opens its stages. The error wraps ErrModel if the
// description is wrong or stages do not fit each other, as far as they say what they
// take and give, and names the stage that cannot be opened. Stages opened before it are
// closed again.
//
// In process it takes as long as the stages take to open. With On it waits until every stage
// is served, which is as long as VMs boot, or until ctx is over: give it one that ends. VMs
// that end while they boot are replaced, after pauses that grow, and not given up before that. If
// Open fails it ends what it has launched, for which it takes up to 20 seconds more, ctx or not.
func Open(ctx context.Context, model stage.Model, options ...Option) (*Pipeline, error) {
	p := &Pipeline{observer: NoObserver{}, calls: map[*call]struct{}{}, idle: make(chan struct{}), closed: make(chan struct{})}
	for _, o := range options {
		if o != nil {
			o(p)
		}
	}
	if os.Getenv(launch.Environment) != "" {
		return nil, &Error{Err: fmt.Errorf("%w: this process was started as a worker", ErrWorker), Remedy: "call worker.Main(model) first in main"}
	}
	if err := p.open(ctx, model); err != nil {
		return nil, err
	}
	p.exits.start()
	var names []string
	for _, s := range p.model.Stages {
		names = append(names, s.Name)
	}
	p.group = names[0]
	if n := len(names); n > 1 {
		p.group += ".." + names[n-1]
	}
	p.recorder = newRecorder(names)
	return p, nil
}

// open opens the stages here, or where there is a provider.
func (p *Pipeline) open(ctx context.Context, model stage.Model) (err error) {
	model.Stages = slices.Clone(model.Stages) // what the caller changes later is not served
	p.model = model
	if model.Validate() == nil { // else what follows says so
		if p.exits, err = newExits(model, p.watching, p.rental.slo, p.rental.log, p.observer); err != nil {
			return err
		}
	}
	if p.rental.on && p.rental.recommend {
		if p.recommender, err = openRecommender(ctx, model, p.rental); err != nil {
			return err
		}
	} else if p.rental.on {
		p.provider = p.rental.providers()
		p.cloud, err = openCloud(ctx, model, p.rental)
		return err
	}
	p.provider = provider
	if p.stages, err = compute.Open(ctx, model, inProcess); err != nil {
		p.recommender.close()
	}
	return err
}

// inProcess is the error of a stage that runs here.
func inProcess(stage, remedy string, err error) error {
	if stage == "" {
		return &Error{Err: err}
	}
	return &Error{Stage: stage, Provider: provider, Remedy: remedy, Err: err}
}

// Stats is what the pipeline has done since Open.
func (p *Pipeline) Stats() Stats {
	s := p.recorder.snapshot()
	s.Exits = p.exits.snapshot()
	s.Recommended = p.recommender.bill()
	if p.cloud != nil {
		p.cloud.bill(&s)
	}
	return s
}

// begin admits a call, or refuses it once the pipeline is closing.
func (p *Pipeline) begin(ctx context.Context, c *call) (context.Context, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return nil, &Error{Stage: p.model.Stages[0].Name, Group: p.group, Provider: p.provider, Err: ErrClosed, Remedy: "open a new pipeline"}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.cancel = cancel
	p.calls[c] = struct{}{}
	return ctx, nil
}

func (p *Pipeline) end(c *call) {
	c.cancel(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c)
	if p.closing && len(p.calls) == 0 {
		close(p.idle)
	}
}

// Shutdown refuses new requests, waits for those in flight and frees the stages. What has
// been rented stays for a successor: Teardown ends it.
// If ctx ends first, the requests that are left are cancelled, end in ErrClosed,
// and Shutdown returns the context's error once their stages have returned. Of several
// calls at one time the one whose context ends first counts for all, and all return the
// same. Once the pipeline is closed, a call returns what closing the stages did.
//
// In process a stage that ignores its context holds Shutdown up, for ever if it never returns,
// and so does one that calls it: do not shut a pipeline down from its own stages or observer.
// With providers it holds nothing up: Shutdown returns soon after ctx has ended, as soon as
// the providers heed the end of their calls; what a stage still does on a VM or function goes on there.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	select {
	case <-p.closed:
		return p.closeErr
	default:
	}
	p.mu.Lock()
	if !p.closing {
		p.closing = true
		if len(p.calls) == 0 {
			close(p.idle)
		}
	}
	p.mu.Unlock()
	p.exits.stop()

	select {
	case <-p.idle:
	case <-ctx.Done():
		p.cancelCalls(context.Cause(ctx))
		<-p.idle
	}
	p.release.Do(func() {
		defer close(p.closed)
		p.exits.close()
		if p.cloud != nil {
			p.cloud.close()
		} else {
			p.closeErr = p.stages.Close()
			p.recommender.close()
		}
	})
	<-p.closed
	return errors.Join(p.late, p.closeErr)
}

// Teardown is Shutdown, and then ends every VM and removes every function that carries the
// owner's tag, whoever has launched it. If it fails, call it again: what is left is billed.
// In process it is Shutdown.
//
// It takes as long as Shutdown, and then as long as the provider takes to end VMs, eight at one
// time, and to list none any more; ctx is for both. A launch that was not answered is waited for 5
// seconds more. A worker ends in 4 seconds, also if a stage of its never returns; package local kills one
// after its Grace.
func (p *Pipeline) Teardown(ctx context.Context) error {
	err := p.Shutdown(ctx)
	if p.cloud != nil {
		err = errors.Join(err, p.cloud.teardown(ctx))
	}
	return err
}

// Close is Shutdown with 30 seconds for the requests in flight; then they are cancelled. In
// process it waits as long as it takes for a stage that ignores that.
func (p *Pipeline) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	return p.Shutdown(ctx)
}

// cancelCalls ends the calls in flight, and notes why; only the first call does.
func (p *Pipeline) cancelCalls(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls) == 0 || p.late != nil {
		return
	}
	p.late = fmt.Errorf("serflow: shutdown: calls in flight were cancelled (%d): %w", len(p.calls), why)
	for c := range p.calls {
		c.cancel(ErrClosed)
	}
}
