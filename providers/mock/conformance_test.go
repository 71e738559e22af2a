package mock_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// faulty is a world in which something is wrong now and then.
type faulty struct {
	mock.World
	mu     sync.Mutex
	faults map[providertest.Op]providertest.Fault
}

func (w *faulty) has(op providertest.Op) providertest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults[op]
}

func (w *faulty) Launch(now time.Duration, o provisioner.VMOffer, n int) simulate.Launch {
	l := w.World.Launch(now, o, n)
	switch w.has(providertest.Launch) {
	case providertest.NoCapacity:
		return simulate.Launch{Err: fmt.Errorf("%w: none", providers.ErrInsufficientCapacity)}
	case providertest.PartGranted:
		l.VMs = l.VMs[:max(1, n-1)]
	case providertest.AnswerLost:
		l.Answer = never
	}
	return l
}

func (w *faulty) Call(now time.Duration, function int, o provisioner.FunctionOffer) (time.Duration, bool) {
	if w.has(providertest.Invoke) == providertest.Throttled {
		return 0, false
	}
	return w.World.Call(now, function, o)
}

func (w *faulty) inject(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
	can := map[providertest.Op][]providertest.Fault{
		providertest.Launch: {providertest.NoCapacity, providertest.PartGranted, providertest.AnswerLost},
		providertest.Invoke: {providertest.Throttled},
	}
	set := func(f providertest.Fault) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults[op] = f
	}
	if ok = slices.Contains(can[op], f); ok {
		set(f)
	}
	return func() { set("") }, ok
}

func TestConformance(t *testing.T) {
	providertest.RunInBubble(t, func(t *testing.T) (c providertest.Cloud) {
		cold := newWorld(t, mock.Config{Cold: mock.Spread{Median: 2 * time.Second}, KeepAlive: time.Hour})
		world := &faulty{World: *cold, faults: map[providertest.Op]providertest.Fault{}}
		p := open(t, mock.Options{World: world, Function: func(body []byte) ([]byte, error) {
			if string(body) == "fail" {
				time.Sleep(time.Millisecond)
				return nil, errors.New("it was told to")
			}
			return upper(body)
		}})
		c = providertest.Cloud{
			VMs: p.VMs(), Functions: p.Functions(), VMArtifact: "worker", FunctionArtifact: "worker", Setup: "the secret of the suite",
			Body: []byte("abc"), Answer: []byte("ABC"), Failing: []byte("fail"),
			Launched:  func() int { return p.Account().VMs },
			Successor: func(*testing.T) providertest.Cloud { return c }, // it is the cloud itself
			Spent:     func() (vms, functions float64) { a := p.Account(); return a.VMDollars, a.FunctionDollars },
			Inject:    world.inject,
		}
		return c
	})
}
