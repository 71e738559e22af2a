//go:build unix

package serflow_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

var soakSeed = flag.Uint64("soak.seed", 1, "of the soak's requests and faults")

// The soak: four VMs that can carry 160 requests a second, and functions of which so many
// may be called at once. Something befalls one of them every half a second.
const (
	soakVMs         = 4
	soakConcurrency = 2
	soakFrom        = 100. // requests a second
	soakTo          = 200.
	soakFaults      = 500 * time.Millisecond
	soakCredential  = "0123456789abcdef"
)

// soaking is a soak under way.
type soaking struct {
	crowd
	t        *testing.T
	pipeline *serflow.Pipeline
	cloud    *local.Provider
	demon    *demon

	mu    sync.Mutex
	ended map[string]int // requests, by how they ended
	shed  map[serflow.Priority]int
}

// Whatever befalls VMs and functions, and whenever callers go away, each request ends in
// exactly one answer, which is its own, or in one error that says where and what to do; the
// bill is right; and nothing is left, neither at the workers nor here.
func TestSoak(t *testing.T) {
	goroutines, before := goleak.IgnoreCurrent(), processes(t)
	s := openSoak(t, before)
	r := rand.New(rand.NewPCG(*soakSeed, 1))
	arrivals, err := load.Arrivals(traffic.Ramp(soakFrom, soakTo, 0, soakLength), soakLength, *soakSeed)
	if err != nil {
		t.Fatal(err)
	}
	requests, priorities := make([]errand, len(arrivals)), rand.New(rand.NewPCG(*soakSeed, 2))
	for i := range requests {
		requests[i] = drawErrand(r)
		requests[i].priority = serflow.Sheddable + serflow.Priority(priorities.IntN(3))
	}
	over := s.demon.haunt(drawFaults(r, soakFaults, soakLength))
	if err := load.Play(t.Context(), arrivals, nil, func(i int) { s.infer(requests[i]) }); err != nil {
		t.Fatal(err)
	}
	over()
	s.crowd.ended(t, s.pipeline, int64(len(requests)))
	s.tell(len(requests))
	s.nothingInHand()
	s.bill()
	if err := errors.Join(s.pipeline.Teardown(context.Background()), s.cloud.Close()); err != nil {
		t.Error(err)
	}
	waitFor(t, "end of all processes", func() bool { return len(processes(t)) <= len(before) })
	goleak.VerifyNone(t, goroutines)
}

// openSoak returns a soak whose VMs serve.
func openSoak(t *testing.T, before []string) *soaking {
	folder := t.TempDir()
	s := &soaking{t: t, ended: map[string]int{}, shed: map[serflow.Priority]int{}}
	s.cloud = openLocal(t, local.Options{
		Env: []string{soakDir + "=" + folder}, Concurrency: soakConcurrency, Grace: 500 * time.Millisecond,
		Functions: []local.Function{{Offer: functionOffer, Cold: 50 * time.Millisecond}},
	})
	s.demon = &demon{t: t, cloud: s.cloud, folder: folder, before: before, done: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := stage.Range{Last: soakTimes.Stages() - 1}
	p, err := serflow.Open(ctx, soakModel(folder).Model(),
		serflow.On(s.cloud.VMs(), s.cloud.Functions()), serflow.Owner("soak"), serflow.Credential(soakCredential), serflow.Observe(&s.crowd),
		serflow.Limits(provisioner.Limits{VMs: 2 * soakVMs, PerHour: 10, PerDay: 10}), serflow.SLO(2*time.Second), serflow.Heartbeat(300*time.Millisecond),
		serflow.Times(vmOffer.Name, soakTimes), serflow.Times(functionOffer.Name, soakTimes),
		serflow.Plan(provisioner.Plan{
			Reach: soakReach, VMs: []provisioner.VMGroup{{Stages: all, Offer: vmOffer, VMs: soakVMs, MaxBatch: 2}},
			Functions: []provisioner.FunctionGroup{{Stages: all, Offer: functionOffer, Cold: 5 * time.Second}},
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	s.pipeline = p
	waitFor(t, "all VMs", func() bool { return ready(p) == soakVMs })
	return s
}
