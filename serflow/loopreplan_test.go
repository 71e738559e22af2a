package serflow_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
)

// tiny has no room for the last stage.
var tiny = provisioner.VMOffer{Name: "tiny", VCPUs: 1, MemoryGB: 1, PerHour: 0.01, Minimum: time.Minute}

// roomy has, and so has the function.
var roomy = provisioner.VMOffer{Name: "roomy", VCPUs: 1, MemoryGB: 4, PerHour: 0.036, Minimum: time.Minute}

// twoParts asks for a model whose last stage needs much memory: tiny VMs for the first two pay, and
// roomy ones for the last if many requests get there, else a function.
func twoParts(t *testing.T, reach ...float64) *planner.Ask {
	t.Helper()
	ms := 100 * time.Millisecond
	times, err := profile.Deterministic([]time.Duration{ms, ms, ms})
	if err != nil {
		t.Fatal(err)
	}
	return &planner.Ask{
		VMs:       []planner.VM{{Offer: tiny, Times: times, Boot: 40 * time.Second}, {Offer: roomy, Times: times, Boot: 40 * time.Second}},
		Functions: []planner.Function{{Offer: functionOffer, Times: times, Cold: time.Second}},
		SLO:       planner.SLO{Latency: 3 * time.Second}, Traffic: planner.Steady(10, 0), Reach: reach,
		Memory: planner.Memory{BaseMB: 100, StageMB: []float64{100, 100, 1400}},
	}
}

// replanning opens a pipeline whose plan is made, and made again, by the planner.
func (s *skies) replanning(t *testing.T, log *told, ask *planner.Ask, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	return s.open(t, append([]serflow.Option{
		serflow.Scale(serflow.Scaling{Ask: ask}), serflow.SLO(3 * time.Second), serflow.Limits(provisioner.Limits{VMs: 20, PerHour: 2, PerDay: 20}),
		serflow.Log(slog.New(slog.NewTextHandler(log, nil))),
	}, more...)...)
}

// stream sends requests at a steady rate, several at a time, which leave at a stage.
func stream(t *testing.T, p *serflow.Pipeline, perSecond int, length time.Duration, leaves int) {
	t.Helper()
	var all sync.WaitGroup
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Second / time.Duration(perSecond)) {
		all.Go(func() {
			if r, err := p.Infer(t.Context(), sampleOf(leaves)); err != nil || r.Exit != leaves {
				t.Errorf("left at %d, for %d: %v", r.Exit, leaves, err)
			}
		})
	}
	all.Wait()
}

// offers counts the VMs that serve by their offers.
func offers(p *serflow.Pipeline) map[string]int {
	n := map[string]int{}
	for _, vm := range p.Stats().VMs {
		if vm.State == "ready" {
			n[vm.Offer]++
		}
	}
	return n
}

func vmsOf(p *serflow.Pipeline, offer string) string {
	var ids []string
	for _, vm := range p.Stats().VMs {
		if vm.Offer == offer {
			ids = append(ids, vm.ID)
		}
	}
	return strings.Join(ids, " ")
}

// mostGroups is which groups have VMs.
func (s *skies) mostGroups(p *serflow.Pipeline) string {
	groups := map[string]bool{}
	for _, vm := range p.Stats().VMs {
		groups[vm.Group] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(groups)), " ")
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
