package serflow_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// VMs whose stage never returns are replaced, though they answer when they are asked how they
// are; and the others serve on. There is no function here to take over.
func TestStageThatNeverReturns(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	p := openRented(t, cloud, serflow.On(cloud.VMs(), nil), serflow.Plan(provisioner.Plan{VMs: vmsAndFunctions(2).VMs}),
		serflow.Heartbeat(100*time.Millisecond), serflow.Stuck(time.Second))
	waitFor(t, "two VMs", func() bool { return ready(p) == 2 })
	before := cloud.PIDs()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var poisoned sync.WaitGroup
	for range 4 {
		poisoned.Go(func() {
			_, err := p.Infer(ctx, sampleThat(hangs))
			typed(t, "a stage that hangs", err, serflow.ErrDeadline)
		})
	}
	poisoned.Wait()
	waitFor(t, "two others", func() bool {
		now := cloud.PIDs()
		for id := range before {
			if now[id] != 0 {
				return false
			}
		}
		return len(now) == 2 && ready(p) == 2
	})
	for i := range 20 {
		check(t, p, i%3)
	}
}

// For how long a stage may run follows from what is known of it.
func TestStuckAfter(t *testing.T) {
	second, err := profile.Deterministic(slices.Repeat([]time.Duration{time.Second}, 3))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options []serflow.Option
		batch   int
		want    time.Duration
	}{
		"nothing is known":              {nil, 0, 0},
		"a short SLO":                   {[]serflow.Option{serflow.SLO(300 * time.Millisecond)}, 0, 10 * time.Second},
		"a long SLO":                    {[]serflow.Option{serflow.SLO(20 * time.Second)}, 0, 80 * time.Second},
		"times":                         {[]serflow.Option{serflow.Times("vm", second)}, 0, time.Minute},
		"times, of a batch":             {[]serflow.Option{serflow.Times("vm", second)}, 8, 160 * time.Second},
		"times, and a still longer SLO": {[]serflow.Option{serflow.Times("vm", second), serflow.SLO(5 * time.Minute)}, 0, 5 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			plan := vmsAndFunctions(1)
			plan.VMs[0].MaxBatch = c.batch
			p := s.open(t, append(c.options, serflow.Plan(plan))...)
			defer s.closed(t, p)
			waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
			for _, setup := range s.setups {
				if setup.Stuck.Round(time.Millisecond) != c.want {
					t.Errorf("%s: %v, want %v", name, setup.Stuck, c.want)
				}
			}
		})
	}
}

// A VM that a predecessor has left stuck is not waited for.
func TestStuckVMIsNotAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: time.Second}})
		options := []serflow.Option{serflow.Plan(vmsAndFunctions(1)), serflow.Credential("0123456789abcdef")}
		first := s.open(t, options...)
		waitUntil(t, "a VM", func() bool { return ready(first) == 1 })
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		s.stuck.Store(true)
		second := s.open(t, options...)
		defer s.closed(t, second)
		time.Sleep(5 * time.Second)
		s.stuck.Store(false)
		waitUntil(t, "another VM", func() bool { return ready(second) == 1 && vmIDs(second)[0] != "vm-1" })
	})
}

// A VM that says that it is stuck is replaced soon.
func TestStuckVMIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: 2}, Offer: vmOffer, VMs: 1}}}))
		defer s.closed(t, p)
		s.stuck.Store(true)
		begun := time.Now()
		for ; len(s.left(t)) > 0 && s.left(t)[0] == "vm-1"; time.Sleep(100 * time.Millisecond) {
			if time.Since(begun) > 10*time.Second {
				t.Fatal("it is still there")
			}
		}
	})
}
