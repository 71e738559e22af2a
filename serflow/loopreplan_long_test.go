//go:build !race

package serflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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

// A plan that an earlier run has moved to, and that cannot be any more, keeps nobody from opening.
func TestStateOfAPlanThatCannotBe(t *testing.T) {
	for name, now := range map[string]func(t *testing.T) serflow.Option{
		"pinned groups that it has not": func(t *testing.T) serflow.Option {
			pins := []serflow.Pin{{Stages: stage.Range{First: 2, Last: 2}, Max: 3}}
			return serflow.Scale(serflow.Scaling{Ask: twoParts(t, 1, 1, 1), Pins: pins})
		},
		"an offer that is not sold any more": func(t *testing.T) serflow.Option {
			return serflow.Scale(serflow.Scaling{Ask: twoParts(t, 1, 1, 1)})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil, tiny, roomy)
			s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
			var log told
			path := filepath.Join(t.TempDir(), "state")
			p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.State(serflow.File(path)))
			stream(t, p, 10, time.Minute, 2)
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			state := map[string]any{}
			saved, err := os.ReadFile(path)
			if err = errors.Join(err, json.Unmarshal(saved, &state)); err != nil {
				t.Fatal(err)
			}
			plan := state["plan"].(map[string]any)
			if groups := plan["VMs"].([]any); strings.HasPrefix(name, "an offer") {
				groups[0].(map[string]any)["Offer"].(map[string]any)["Name"] = "sold out"
			} else {
				plan["VMs"] = groups[:1]
			}
			saved, err = json.Marshal(state)
			if err = errors.Join(err, os.WriteFile(path, saved, 0o600)); err != nil {
				t.Fatal(err)
			}
			p = s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.State(serflow.File(path)), now(t))
			defer s.closed(t, p)
			stream(t, p, 10, 3*time.Minute, 2)
			if log.count("the plan of the earlier run is left") != 1 || offers(p)["roomy"] == 0 {
				t.Errorf("%s: %s", name, log.String())
			}
		})
	}
}

// What no provider was given for is not planned with, and no VM counts on it: an Ask may be of more than
// is rented.
func TestAskOfMoreThanIsRented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		var log told
		ask := twoParts(t, 1, 1, 1)
		p := s.replanning(t, &log, ask, serflow.On(s.vms(), nil))
		defer s.closed(t, p)
		stream(t, p, 5, 5*time.Minute, 2)
		if log.count("planning without functions") != 1 || log.count("functions take the rest") > 0 || len(ask.Functions) == 0 || ready(p) == 0 {
			t.Errorf("%d VMs: %s", ready(p), log.String())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.On(nil, s.lambdas()))
		defer s.closed(t, p)
		stream(t, p, 5, time.Minute, 2)
		if log.count("planning without VMs") != 1 {
			t.Error(log.String())
		}
	})
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
