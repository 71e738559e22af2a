//go:build !race

package serflow_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// When VMs come to cost ten times as much, another plan is made, of functions alone.
func TestReplanWhenPricesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1))
		defer s.closed(t, p)
		stream(t, p, 10, 30*time.Minute, 2)
		if len(offers(p)) != 2 {
			t.Fatalf("%v", offers(p))
		}
		s.dearer.Store(100)
		stream(t, p, 10, 45*time.Minute, 2)
		if got := p.Stats().VMs; len(got) > 0 || log.count("an hour now, and not $0.0") != 1 {
			t.Errorf("%v: %s", got, log.String())
		}
	})
}

// A plan that nothing can serve in time is not moved over to, and requests go on where they were.
func TestReplanStaysWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1))
		defer s.closed(t, p)
		stream(t, p, 10, 15*time.Minute, 2)
		s.hook(func(_ int, op string) error {
			if op == "ensure" {
				return providers.ErrInvalid
			}
			return nil
		}, nil)
		s.dearer.Store(100)
		before := s.mostGroups(p)
		stream(t, p, 10, 90*time.Minute, 2)
		if log.count("the plan stays as it is") == 0 || s.mostGroups(p) != before {
			t.Errorf("%v, had %v: %s", s.mostGroups(p), before, log.String())
		}
	})
}

// A group that is pinned stays: a plan without it is not moved over to, and the log says so.
func TestReplanKeepsPinnedGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		pins := []serflow.Pin{{Stages: stage.Range{First: 2, Last: 2}, Min: 1}}
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.Scale(serflow.Scaling{Ask: twoParts(t, 1, 1, 1), Pins: pins}))
		defer s.closed(t, p)
		s.dearer.Store(100)
		time.Sleep(pricesAreAskedFor - 5*time.Minute)
		stream(t, p, 1, 10*time.Minute, 2)
		if got := offers(p); got["roomy"] != 1 || log.count("no VM group of stage 3, which is pinned") != 1 || log.count("requests begin with the new plan") > 0 {
			t.Errorf("%v: %s", got, log.String())
		}
	})
}

// pricesAreAskedFor is how often.
const pricesAreAskedFor = time.Hour

// A pipeline that only recommends says which plan it would move to when traffic changes, and what that
// would cost.
func TestReplanRecommended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.hook(func(_ int, op string) error { t.Errorf("it called %s", op); return nil }, nil)
		var log told
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.Recommend())
		stream(t, p, 5, 20*time.Minute, 0)
		if n := log.count(`msg="planning again (recommended: nothing is rented)"`); n != 1 || log.count("msg=planned generation=1") != 1 {
			t.Errorf("planned again %d times: %s", n, log.String())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		s.hook(nil, nil)
		s.closed(t, nil)
	})
}

// Without functions requests move over from VMs to VMs, once there are some of each group. Those that
// are on a VM of the old plan then, and have another of its VMs before them, go on to that.
func TestReplanWithoutFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, tiny, roomy)
		s.onVM = func(context.Context, string) error { time.Sleep(200 * time.Millisecond); return nil }
		s.dear = "tiny"
		var log told
		ask := twoParts(t, 1, 1, 1)
		ask.Functions = nil
		p := s.replanning(t, &log, ask, serflow.On(s.vms(), nil))
		defer s.closed(t, p)
		stream(t, p, 10, 20*time.Minute, 2)
		if before := s.mostGroups(p); before != "a..b c" {
			t.Fatalf("%v: %s", before, log.String())
		}
		s.dearer.Store(100)
		stream(t, p, 10, 60*time.Minute, 2)
		if after := s.mostGroups(p); after != "a..c" || log.count("requests begin with the new plan") != 1 {
			t.Errorf("%v: %s", after, log.String())
		}
	})
}

// mostGroups is which groups have VMs.
func (s *skies) mostGroups(p *serflow.Pipeline) string {
	groups := map[string]bool{}
	for _, vm := range p.Stats().VMs {
		groups[vm.Group] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(groups)), " ")
}
