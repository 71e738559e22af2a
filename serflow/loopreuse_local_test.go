//go:build !race

package serflow_test

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/serflow"
)

// A re-plan from three groups to one, on processes: the VM of the last stage goes on with all of them as the same
// process, nothing is launched, and no request is lost. So it is after the program has been killed and has started again.
func TestReplanMovesSubprocesses(t *testing.T) {
	cloud := openLocal(t, local.Options{VMs: []local.VM{{Offer: tiny}, {Offer: roomy}}})
	ask := cheapTinies(t)
	ask.Traffic = planner.Steady(5, 0)
	var log told
	options := []serflow.Option{
		serflow.On(cloud.VMs(), nil), serflow.Scale(serflow.Scaling{Ask: &ask, Policy: keeps{}}), serflow.SLO(3 * time.Second),
		serflow.Limits(provisioner.Limits{VMs: 9, PerHour: 2, PerDay: 20}), serflow.Credential("0123456789abcdef"), serflow.Log(slog.New(slog.NewTextHandler(&log, nil))),
		serflow.State(serflow.File(filepath.Join(t.TempDir(), "state"))),
	}
	p := openRented(t, cloud, options...)
	waitFor(t, "three VMs", func() bool { return ready(p) == 3 })
	vm, pids := vmsOf(p, "roomy"), cloud.PIDs()
	if r := check(t, p, 2); len(r.Path) != 3 || r.Path[2].Place != vm || r.Path[2].First != 2 {
		t.Fatalf("%+v", r.Path)
	}

	var load sync.WaitGroup
	var over atomic.Bool
	var answers atomic.Int64
	for i := range 8 {
		load.Go(func() {
			for n := i; !over.Load(); n++ {
				if r, err := p.Infer(context.Background(), slowSample(n%3, 5)); err != nil || r.Exit != n%3 {
					t.Errorf("left at %d, for %d: %v", r.Exit, n%3, err)
				}
				answers.Add(1)
			}
		})
	}
	waitFor(t, "100 answers", func() bool { return answers.Load() > 100 })
	next := ask
	next.Traffic = planner.Steady(2, 0)
	if err := serflow.Replan(p, next); err != nil {
		t.Error(err)
	}
	moved := answers.Load()
	waitFor(t, "100 answers more", func() bool { return answers.Load() > moved+100 })
	over.Store(true)
	load.Wait()

	only := map[string]int{vm: pids[vm]}
	waitFor(t, "that VM alone", func() bool { return maps.Equal(cloud.PIDs(), only) && len(p.Stats().VMs) == 1 })
	whole := func() {
		t.Helper()
		if r := check(t, p, 2); len(r.Path) != 1 || r.Path[0].Place != vm || r.Path[0].First != 0 || r.Path[0].Last != 2 || r.Path[0].Group != "a..c" {
			t.Errorf("%+v", r.Path)
		}
	}
	whole()
	if n := log.count("msg=launching"); n != 3 || log.count(`msg="requests begin with the new plan" generation=1`) != 1 {
		t.Errorf("%d launches: %s", n, log.String())
	}

	if err := serflow.Kill(p); err != nil {
		t.Fatal(err)
	}
	p = openRented(t, cloud, options...)
	waitFor(t, "the same VM", func() bool { return ready(p) == 1 })
	if now := cloud.PIDs(); !maps.Equal(now, only) || log.count("msg=launching") != 3 {
		t.Errorf("processes %v, then %v: %s", only, now, log.String())
	}
	whole()
	if err := p.Teardown(context.Background()); err != nil || len(cloud.PIDs()) > 0 {
		t.Errorf("%v; processes %v", err, cloud.PIDs())
	}
}
