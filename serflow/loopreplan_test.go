package serflow_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
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

// When far fewer requests get to the last stage than the plan was made for, another plan is made
// that has no VMs for it; when they come back, so do the VMs. VMs that fit both plans serve on, and no
// request is dropped.
func TestMovesToAnotherPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		file := serflow.File(filepath.Join(t.TempDir(), "state"))
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.State(file), serflow.Credential("a-secret-of-the-owner"))
		stream(t, p, 10, 15*time.Minute, 2)
		before, tinies := offers(p), vmsOf(p, "tiny")
		if before["tiny"] < 2 || before["roomy"] < 1 {
			t.Fatalf("%v: %s", before, log.String())
		}
		stream(t, p, 10, 40*time.Minute, 0)
		if after := offers(p); after["roomy"] != 0 || after["tiny"] == 0 {
			t.Errorf("%v: %s", after, log.String())
		}
		if left := vmsOf(p, "tiny"); !strings.Contains(tinies, left[:4]) {
			t.Errorf("VMs that fit were not kept: %s, had %s", left, tinies)
		}
		if n := log.count(`launching offer=roomy stages="stages 1-2"`); n > 0 {
			t.Errorf("%d launches of VMs that nobody needs: %s", n, log.String())
		}
		if log.count(`msg="requests begin with the new plan" generation=1`) != 1 || log.count("of the requests reach stage") == 0 {
			t.Errorf("not said: %s", log.String())
		}

		if err := p.Close(); err != nil { // another run goes on with the plan that became of it
			t.Fatal(err)
		}
		p = s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.State(file), serflow.Credential("a-secret-of-the-owner"))
		defer s.closed(t, p)
		if got := offers(p); got["roomy"] != 0 {
			t.Errorf("after a restart: %v", got)
		}
		stream(t, p, 10, 40*time.Minute, 2)
		if again := offers(p); again["roomy"] == 0 || again["tiny"] < 2 || log.count(`msg="requests begin with the new plan" generation=2`) != 1 {
			t.Errorf("%v: %s", again, log.String())
		}
	})
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

// While requests move to another plan, a group that both plans have is one group: it wants its VMs once.
func TestBothGroups(t *testing.T) {
	group := func(first, last int, offers ...string) (g control.Group) {
		for _, name := range offers {
			g.Offers = append(g.Offers, control.Offer{VMGroup: provisioner.VMGroup{
				Stages: stage.Range{First: first, Last: last}, Offer: provisioner.VMOffer{Name: name},
			}})
		}
		return g
	}
	old := []control.Group{group(0, 1, "tiny", "roomy"), group(2, 2, "roomy")}
	now := []control.Group{group(0, 1, "roomy", "tiny"), group(2, 2, "roomy", "huge"), group(3, 3, "tiny")}
	var got []string
	for _, g := range serflow.BothGroups(old, now) {
		for _, o := range g.Offers {
			got = append(got, fmt.Sprint(o.Stages, " ", o.Offer.Name))
		}
		got = append(got, "-")
	}
	if want := "stages 1-2 roomy, stages 1-2 tiny, -, stage 3 roomy, -, stage 4 tiny, -"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if len(old[0].Offers) != 2 || len(now[0].Offers) != 2 || now[0].Offers[1].Offer.Name != "tiny" {
		t.Error("the plans' own groups have changed")
	}
}
