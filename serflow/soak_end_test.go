//go:build unix

package serflow_test

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// tell says what has happened, and fails if that shows nothing.
func (s *soaking) tell(requests int) {
	a := s.cloud.Account()
	s.t.Logf("%d requests: %v, shed %v; %v; %d VMs launched, %d calls, %d throttled", requests, s.ended, s.shed, s.demon.done, a.VMs, a.Calls, a.Throttled)
	if 4*s.ended["answered"] < requests || 20*s.ended["cancelled by its caller"] < requests {
		s.t.Error("too few were answered, or cancelled, for it to show anything")
	}
	low, critical := s.shed[serflow.Sheddable], s.shed[serflow.Critical]
	if low <= critical+s.shed[serflow.Normal] || critical > low/4 {
		s.t.Errorf("shed by priority: %v; want those that may be shed first, and critical ones last", s.shed)
	}
	if a.Throttled == 0 || len(s.demon.done) < 4 {
		s.t.Errorf("not everything has happened: %v, %d throttled", s.demon.done, a.Throttled)
	}
}

// nothingInHand waits until the fleet has recovered, and no request of ours is left in the
// balancer's books, nor at a worker.
func (s *soaking) nothingInHand() {
	waitFor(s.t, "place without a request", func() bool { return s.pipeline.InHand() == 0 })
	model := soakModel("").Model()
	fingerprint, err := model.Fingerprint()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute) // or a worker that never answers is asked for an hour
	defer cancel()
	waitFor(s.t, "recovery, with workers that have no rows", func() bool {
		vms, err := s.cloud.VMs().List(ctx, "soak")
		return err == nil && len(vms) == soakVMs && ready(s.pipeline) == soakVMs && !slices.ContainsFunc(vms, func(vm providers.Instance) bool {
			return busy(ctx, remote.Dial(vm.Address, remote.Options{Model: model.Name, Fingerprint: fingerprint, Credential: soakCredential}))
		})
	})
}

// busy tells whether a worker has rows beside one that it is sent, or does not answer.
func busy(ctx context.Context, w *remote.Worker) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := w.Run(ctx, remote.Request{Inputs: []stage.Tensor{stage.Float32("row", []int64{1, 2}, []float32{0, 0})}})
	return err != nil || reply.Load > 0
}

// bill holds the bill to the provider's. Calls that nobody waits for any more are in it, once
// they have ended. VMs are paid by the second begun, from their launch as each has seen it, and
// until we have noticed that they are gone.
func (s *soaking) bill() {
	const late = 2 * time.Second // for a VM
	waitFor(s.t, "end of the last call", func() bool {
		return math.Abs(s.pipeline.Stats().FunctionDollars-s.cloud.Account().FunctionDollars) < 1e-12
	})
	a := s.cloud.Account()
	ours := s.pipeline.Stats().VMDollars
	s.t.Logf("VMs cost $%.6f by our bill, and $%.6f by the provider's; functions $%.6f", ours, a.VMDollars, a.FunctionDollars)
	if ours < a.VMDollars*(1-1e-9) || ours > a.VMDollars+float64(a.VMs)*vmOffer.Cost(late) {
		s.t.Errorf("VMs cost $%v, and the provider says $%v", ours, a.VMDollars)
	}
}
