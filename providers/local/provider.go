package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
)

// name is the provider's, in errors.
const name = "local"

// Provider sells VMs and functions. It is safe for concurrent use.
type Provider struct {
	options    Options
	credential string // that functions ask of their callers
	log        *log
	faults     fault.Set
	ctx        context.Context // over once Close has begun
	cancel     context.CancelFunc
	running    sync.WaitGroup // all goroutines, and with them all processes

	mu        sync.Mutex
	vms       []*vm                       // that have not gone, in the order of their launch
	gone      []grave                     // the latest VMs that ended by themselves
	launches  map[string]providers.Launch // that brought VMs or were refused for want of room, by token
	refusals  map[string]error            // of the latter
	functions []*function                 // all that were ever made
	calls     int                         // that are running
	account   Account
}

// Open returns a provider. It refuses to start this program as a child unless that has
// called worker.Main: a program that does not become a worker would start itself for
// ever.
func Open(o Options) (*Provider, error) {
	const op = "open"
	if os.Getenv(launch.Environment) != "" {
		return nil, failed(op, "call worker.Main before it, and open no provider in a worker",
			fmt.Errorf("%w: this process is the child of a provider", providers.ErrInvalid))
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, failed(op, "", err)
	}
	if o.Program != "" {
		if o.Program, err = find(o.Program); err != nil {
			return nil, failed(op, "", err)
		}
	}
	p := &Provider{options: o, credential: rand.Text(), log: &log{to: o.Log}, launches: map[string]providers.Launch{}, refusals: map[string]error{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// VMs is the provider's side that sells VMs.
func (p *Provider) VMs() *VMs { return &VMs{p} }

// Functions is the provider's side that sells functions.
func (p *Provider) Functions() *Functions { return &Functions{p} }

// Close ends all processes and all that waits for them, and returns when none is running
// any more: at once if they idle, after 4 seconds if a stage does not heed its end, and after
// Options.Grace if they are killed. Calls of functions are broken off. After it, everything is
// answered with providers.ErrUnavailable.
func (p *Provider) Close() error {
	p.mu.Lock()
	p.cancel()
	for _, vm := range p.vms {
		vm.end()
	}
	for _, fn := range p.functions {
		p.retire(fn)
	}
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// failed is the error of an operation.
func failed(op, remedy string, err error) error {
	return &providers.Error{Provider: name, Op: op, Remedy: remedy, Err: err}
}

func closed(op string) error {
	return failed(op, "the provider is closed: open another", providers.ErrUnavailable)
}

// enter locks the provider for an operation, or says why it cannot be begun.
func (p *Provider) enter(ctx context.Context, op string) error {
	p.mu.Lock()
	err := ctx.Err()
	switch {
	case p.ctx.Err() != nil:
		err = closed(op)
	case err != nil:
		err = failed(op, "it was not begun: allow more time", err)
	default:
		if err = p.refused(op); err == nil {
			return nil
		}
	}
	p.mu.Unlock()
	return err
}
