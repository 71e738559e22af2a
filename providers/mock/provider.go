// Package mock is a cloud in memory, which fails as clouds do. World is how it behaves,
// as plain state for simulations and tests that keep their own time; Provider is the
// same behind the interfaces of package providers, in real time, for tests of programs
// that rent. Within a testing/synctest bubble, hours of it take no time. Config makes
// clouds fail at random; Provider.Inject makes one kind of call fail until it is mended.
package mock

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// name is the provider's, in errors.
const name = "mock"

// Options is what a mock provider sells, and what runs on it. The zero value sells
// nothing.
type Options struct {
	World     simulate.World // how the cloud behaves, used by the provider alone; nil means perfectly
	VMs       []provisioner.VMOffer
	Functions []provisioner.FunctionOffer

	// VM is what a VM runs once it is ready. The context is over when the VM ends, and
	// then it must return. It may be nil.
	VM func(ctx context.Context, vm providers.Instance)
	// Function is what functions run, and takes the time that it takes; calls are
	// concurrent. If it is nil, a function answers with the body that it was sent.
	Function func(body []byte) ([]byte, error)
}

// Provider sells VMs and functions. It is safe for concurrent use.
type Provider struct {
	options Options
	began   time.Time
	ctx     context.Context // over once Close has begun
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	world     simulate.World
	faults    fault.Set
	vms       []*vm                       // in the order of their launch
	launches  map[string]providers.Launch // that the world has been asked for, by token
	refusals  map[string]error            // of those that it has refused
	functions []*function                 // by the number that the world knows them by
	notices   []providers.Notice          // all, in the order in which they came
	news      chan struct{}               // closed when there is one more, and replaced
	account   Account
}

// Open returns a provider. Its error wraps ErrConfig.
func Open(o Options) (*Provider, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.World == nil {
		o.World = &World{}
	}
	if o.Function == nil {
		o.Function = func(body []byte) ([]byte, error) { return body, nil }
	}
	p := &Provider{
		options: o, world: o.World, began: time.Now(),
		launches: map[string]providers.Launch{}, refusals: map[string]error{}, news: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

func (o Options) validate() error {
	vms, functions := map[string]bool{}, map[string]bool{}
	for _, offer := range o.VMs {
		if err := offer.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		vms[offer.Name] = true
	}
	for _, offer := range o.Functions {
		if err := offer.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		functions[offer.Name] = true
	}
	if len(vms) < len(o.VMs) || len(functions) < len(o.Functions) {
		return fmt.Errorf("%w: two offers have one name: name each of them differently", ErrConfig)
	}
	return nil
}

// VMs is the provider's side that sells VMs.
func (p *Provider) VMs() *VMs { return &VMs{p} }

// Functions is the provider's side that sells functions.
func (p *Provider) Functions() *Functions { return &Functions{p} }

// Close ends all VMs and all that waits for an answer, and returns when nothing of
// theirs is running any more. After it, everything is answered with
// providers.ErrUnavailable.
func (p *Provider) Close() error {
	p.mu.Lock()
	p.cancel()
	for len(p.vms) > 0 {
		p.end(p.vms[0].ID)
	}
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// now is the world's time.
func (p *Provider) now() time.Duration { return time.Since(p.began) }

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

// after fires after a time, and never if that is Never.
func after(d time.Duration) <-chan time.Time {
	if d == provisioner.Never {
		return nil
	}
	return time.After(d)
}
