package serflow_test

import (
	"context"
	"fmt"
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

// stuckFunctions never answers Ensure, and refuses Remove for a while.
type stuckFunctions struct {
	skyFunctions
	stuck    *atomic.Bool
	refusals *atomic.Int64
}

func (f stuckFunctions) Ensure(ctx context.Context, spec providers.FunctionSpec) (providers.Function, error) {
	made, err := f.skyFunctions.Ensure(ctx, spec)
	if f.stuck.Load() {
		<-ctx.Done()
		return providers.Function{}, ctx.Err()
	}
	return made, err
}

func (f stuckFunctions) Remove(ctx context.Context, id string) error {
	if f.refusals.Add(-1) >= 0 {
		return providers.ErrThrottled
	}
	return f.skyFunctions.Remove(ctx, id)
}

// A provider that makes the functions of another plan, and never says so: that plan is given up, its VMs are not
// paid for beside those of the plan in force, and its functions are removed, if need be after some tries.
func TestMoveThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		functions := stuckFunctions{s.lambdas().(skyFunctions), new(atomic.Bool), new(atomic.Int64)}
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.On(s.vms(), functions))
		defer s.closed(t, p)
		made, err := s.Functions().List(t.Context(), "test")
		functions.stuck.Store(true)
		functions.refusals.Store(5)
		s.dearer.Store(100)
		time.Sleep(55 * time.Minute) // prices are asked for once an hour
		stream(t, p, 2, 25*time.Minute, 2)
		left, err2 := s.Functions().List(t.Context(), "test")
		first := fmt.Sprintf("function-%d", len(made)+1) // what was made in the first try; by now there is a second
		if err != nil || err2 != nil || len(left) > len(made)+1 || slices.ContainsFunc(left, func(f providers.Function) bool { return f.ID == first }) {
			t.Errorf("functions %v, were %v", left, made)
		}
		if log.count("the plan stays as it is") != 1 {
			t.Error(log.String())
		}
	})
}

