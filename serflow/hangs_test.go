package serflow_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/serflow"
)

// slowLists answers lists after some time, with what there was when they were asked for.
type slowLists struct {
	skyVMs
	takes *atomic.Int64
}

func (v slowLists) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	list, err := v.skyVMs.List(ctx, owner)
	select {
	case <-time.After(time.Duration(v.takes.Load())):
		return list, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Lists that take minutes are older than VMs that have been launched meanwhile: these are not taken to have ended.
func TestListsThatTakeMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, cheap)
		var log told
		vms := slowLists{s.vms().(skyVMs), new(atomic.Int64)}
		p := s.scaled(t, &log, serflow.Scaling{}, serflow.On(vms, s.lambdas()))
		defer s.closed(t, p)
		vms.takes.Store(int64(150 * time.Second))
		send(t, p, 3, 10*time.Minute)
		send(t, p, 12, 10*time.Minute)
		vms.takes.Store(0)
		send(t, p, 12, 10*time.Minute)
		if n := s.Account().VMs; n > 8 || log.count("msg=gone") > 0 {
			t.Errorf("%d VMs launched, for %d that serve: %s", n, ready(p), log.String())
		}
	})
}

// A VM whose end fails is told again until it has ended: it is billed until then.
func TestEndsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
		defer s.closed(t, p)
		waitUntil(t, "VM that serves", func() bool { return ready(p) == 1 })
		tries := 0
		s.hook(func(_ int, op string) error {
			if op != "end" {
				return nil
			}
			if tries++; tries < 4 {
				return providers.ErrThrottled
			}
			return nil
		}, nil)
		first := vmIDs(p)
		s.stuck.Store(true)
		waitUntil(t, "the VM to be given up", func() bool { return !slices.Contains(stateOf(p, "ready"), first[0]) })
		s.stuck.Store(false)
		time.Sleep(time.Minute)
		if ending := stateOf(p, "ending"); !slices.Equal(ending, first) {
			t.Errorf("ending: %v, want %v", ending, first)
		}
		time.Sleep(time.Minute)
		if left := s.left(t); tries != 4 || slices.Contains(left, first[0]) {
			t.Errorf("%d tries, left %v", tries, left)
		}
	})
}

// stateOf are the VMs that are in a state.
func stateOf(p *serflow.Pipeline, state string) (ids []string) {
	for _, vm := range p.Stats().VMs {
		if vm.State == state {
			ids = append(ids, vm.ID)
		}
	}
	return ids
}
