package serflow_test

import (
	"context"
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
