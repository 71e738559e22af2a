package mock_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/providers/providertest"
)

// running is the VMs that have begun and not ended, as they know it themselves.
type running struct {
	mu  sync.Mutex
	vms map[string]bool
}

func (r *running) run(ctx context.Context, vm providers.Instance) {
	r.set(func() { r.vms[vm.ID] = true })
	<-ctx.Done()
	r.set(func() { delete(r.vms, vm.ID) })
}

func (r *running) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *running) ids() (ids []string) {
	r.set(func() { ids = slices.Collect(maps.Keys(r.vms)) })
	return ids
}

func TestConformance(t *testing.T) {
	providertest.RunInBubble(t, func(t *testing.T) (c providertest.Cloud) {
		cold := newWorld(t, mock.Config{Cold: mock.Spread{Median: 2 * time.Second}, KeepAlive: time.Hour})
		vms := running{vms: map[string]bool{}}
		p := open(t, mock.Options{World: cold, VM: vms.run, Function: func(body []byte) ([]byte, error) {
			time.Sleep(time.Millisecond)
			if string(body) == "fail" {
				return nil, errors.New("it was told to")
			}
			return upper(body)
		}})
		c = providertest.Cloud{
			VMs: p.VMs(), Functions: p.Functions(), VMArtifact: "worker", FunctionArtifact: "worker", Setup: "the secret of the suite",
			Body: []byte("abc"), Answer: []byte("ABC"), Failing: []byte("fail"),
			Running:   vms.ids,
			Launched:  func() int { return p.Account().VMs },
			Successor: func(*testing.T) providertest.Cloud { return c }, // it is the cloud itself
			Spent:     func() (vms, functions float64) { a := p.Account(); return a.VMDollars, a.FunctionDollars },
			Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
				mend, err := p.Inject(op, f)
				return mend, err == nil
			},
		}
		return c
	})
}
