package provisioner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

var (
	whole = stage.Range{First: 0, Last: 3}
	deep  = stage.Range{First: 2, Last: 3}
	small = provisioner.VMOffer{Name: "small", PerHour: 0.10, Minimum: time.Minute}
	large = provisioner.VMOffer{Name: "large", PerHour: 0.40, Minimum: time.Minute}
	ample = provisioner.Limits{VMs: 100, PerHour: 100, PerDay: 1000}
)

func wanted(n int) provisioner.Want {
	return provisioner.Want{Stages: whole, Offer: small, VMs: n}
}

// started is a fleet that has found no VMs of its own.
func started(t *testing.T, l provisioner.Limits, wants ...provisioner.Want) *provisioner.Fleet {
	t.Helper()
	f := provisioner.NewFleet("f", l, provisioner.Patience{})
	want(t, "a new fleet first looks for what is there", tick(f, 0), "list")
	f.Found(0)
	if err := f.Want(wants...); err != nil {
		t.Fatal(err)
	}
	return f
}

// tick is what a fleet wants done, in a line.
func tick(f *provisioner.Fleet, now time.Duration) string {
	actions, _ := f.Tick(now)
	var words []string
	for _, a := range actions {
		switch a.Kind {
		case provisioner.Launch:
			words = append(words, fmt.Sprintf("launch %d %s %s", a.VMs, a.Key.Offer, a.Token))
		case provisioner.List:
			words = append(words, "list")
		case provisioner.Move:
			words = append(words, fmt.Sprint("move ", a.ID, " to ", a.Key.Stages.First, "-", a.Key.Stages.Last+1))
		default:
			words = append(words, map[provisioner.ActionKind]string{provisioner.Drain: "drain ", provisioner.Resume: "resume ", provisioner.End: "end "}[a.Kind]+a.ID)
		}
	}
	return strings.Join(words, ", ")
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// states is the VMs in each state.
func states(f *provisioner.Fleet) string {
	var words []string
	for _, vm := range f.VMs() {
		words = append(words, vm.ID+" "+vm.State.String())
	}
	return strings.Join(words, ", ")
}

func TestLaunchesOnce(t *testing.T) {
	f := started(t, ample, wanted(2))
	want(t, "first", tick(f, 0), "launch 2 small f-1")
	want(t, "asked for is as good as there", tick(f, time.Second), "")
	f.Launched(2*time.Second, "f-1", "a", "b")
	f.Launched(2*time.Second, "f-1", "a", "b")
	want(t, "booting is as good as ready", tick(f, time.Minute), "")
	f.Ready(time.Minute, "a", "f-1")
	f.Ready(time.Minute, "a", "f-1")
	want(t, "states", states(f), "a ready, b booting")
}

func TestReadyBeforeTheLaunchIsAnswered(t *testing.T) {
	f := started(t, ample, wanted(2))
	tick(f, 0)
	f.Ready(time.Second, "a", "f-1")
	want(t, "nothing to do", tick(f, time.Second), "")
	f.Launched(2*time.Second, "f-1", "b", "a")
	want(t, "both", fmt.Sprint(states(f), tick(f, 2*time.Second)), "a ready, b booting")
}

func TestLaunchWithoutAnswer(t *testing.T) {
	f := started(t, ample, wanted(1))
	want(t, "asked", tick(f, 0), "launch 1 small f-1")
	now := time.Duration(0)
	for range 4 {
		now += time.Minute
		want(t, "the same token again", strings.TrimPrefix(tick(f, now), "list, "), "launch 1 small f-1")
	}
	f.Found(now)
	_, wake := f.Tick(now)
	want(t, "in doubt: a list is due", wake, now+time.Minute)
	now += time.Minute
	want(t, "only a list can tell", tick(f, now), "list")
	f.Found(now)
	want(t, "held back", tick(f, now), "")
	want(t, "nothing came of it", tick(f, now+5*time.Second), "launch 1 small f-2")
	f.Launched(now, "f-1", "late")
	want(t, "something did: no one owns it", tick(f, now+6*time.Second), "end late")
	f.Ended(now, "late")
	want(t, "states", states(f), "")
}

func TestHalfGranted(t *testing.T) {
	f := started(t, ample, wanted(3))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	want(t, "held back", tick(f, 4*time.Second), "")
	want(t, "the rest", tick(f, 5*time.Second), "launch 2 small f-2")
	f.LaunchFailed(6*time.Second, "f-2")
	f.LaunchFailed(6*time.Second, "f-2")
	want(t, "held back twice as long", fmt.Sprint(tick(f, 15*time.Second), "; ", tick(f, 16*time.Second)), "; launch 2 small f-3")
}

func TestNeverRegistered(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Found(9*time.Minute, provisioner.Found{ID: "a", Token: "f-1"})
	want(t, "still booting", tick(f, 9*time.Minute), "")
	want(t, "ended and replaced", tick(f, 10*time.Minute), "end a, launch 1 small f-2")
	want(t, "told again", tick(f, 10*time.Minute+30*time.Second), "end a")
	f.Ended(11*time.Minute, "a")
	f.Ready(11*time.Minute, "a", "f-1")
	want(t, "a ghost registers after all", strings.Contains(tick(f, 11*time.Minute), "end a"), true)
}

func TestShrinkAndGrow(t *testing.T) {
	f := started(t, ample, wanted(3))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	tick(f, 5*time.Second)
	f.Launched(6*time.Second, "f-2", "b", "c")
	f.Ready(60*time.Second, "a", "f-1")
	f.Ready(60*time.Second, "b", "f-2")
	_ = f.Want(wanted(1))
	want(t, "what boots goes first", tick(f, 61*time.Second), "end c, drain b")
	_ = f.Want(wanted(2))
	want(t, "one that drains is cheaper than a new one", tick(f, 62*time.Second), "resume b")
	_ = f.Want()
	want(t, "not wanted at all", tick(f, 63*time.Second), "drain b, drain a")
	f.Idle(64*time.Second, "a")
	f.Idle(64*time.Second, "a")
	want(t, "done", tick(f, 64*time.Second), "end a")
	want(t, "a drain has an end", strings.Contains(tick(f, 63*time.Second+5*time.Minute), "end b"), true)
	for _, id := range []string{"a", "b", "c"} {
		f.Ended(7*time.Minute, id)
		f.Ended(7*time.Minute, id)
	}
	want(t, "all gone", states(f), "")
}

func TestLostAndNotice(t *testing.T) {
	f := started(t, ample, wanted(2))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b")
	f.Ready(time.Minute, "a", "f-1")
	f.Ready(time.Minute, "b", "f-1")
	f.Lost(2*time.Minute, "a")
	f.Notice(2*time.Minute, "b")
	f.Lost(2*time.Minute, "stranger")
	f.Notice(2*time.Minute, "stranger")
	want(t, "both replaced; the lost one ended, the doomed one not resumed", tick(f, 2*time.Minute), "end a, drain b, launch 2 small f-2")
	want(t, "states", states(f), "a ending, b draining")
}

func TestAdoptsAfterARestart(t *testing.T) {
	f := provisioner.NewFleet("g", ample, provisioner.Patience{})
	_ = f.Want(wanted(2))
	want(t, "before a list nothing is launched", tick(f, 0), "list")
	want(t, "nor again at once", tick(f, time.Second), "")
	want(t, "a list without answer", tick(f, time.Minute), "list")
	f.Found(time.Minute,
		provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small},
		provisioner.Found{ID: "b", Token: "f-2", Stages: deep, Offer: large})
	want(t, "one is wanted, one not", tick(f, time.Minute), "launch 1 small g-1, end b")
	f.Ready(2*time.Minute, "a", "f-1")
	f.Found(3*time.Minute, provisioner.Found{ID: "b", Token: "f-2", Stages: deep, Offer: large})
	want(t, "a has vanished", states(f), "b ending")
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits provisioner.Limits
		want   string
	}{
		"VMs":      {provisioner.Limits{VMs: 3, PerHour: 100, PerDay: 100}, "launch 3 small f-1"},
		"per hour": {provisioner.Limits{VMs: 100, PerHour: 0.4, PerDay: 100}, "launch 4 small f-1"},
		"per day":  {provisioner.Limits{VMs: 100, PerHour: 100, PerDay: 0.0101}, "launch 6 small f-1"},
		"none set": {provisioner.Limits{}, ""},
	} {
		f := started(t, c.limits, wanted(10))
		want(t, name, tick(f, 0), c.want)
		want(t, name+", again", tick(f, time.Second), "")
	}
}

func TestDayLimitDrains(t *testing.T) {
	f := started(t, provisioner.Limits{VMs: 9, PerHour: 9, PerDay: 0.5}, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Ready(time.Minute, "a", "f-1")
	still := provisioner.Found{ID: "a", Token: "f-1"}
	f.Found(4*time.Hour, still)
	want(t, "0.40 spent", tick(f, 4*time.Hour), "")
	f.Found(5*time.Hour, still)
	want(t, "0.50 spent", tick(f, 5*time.Hour), "drain a")
	f.Ended(5*time.Hour, "a")
	f.Found(28 * time.Hour)
	want(t, "a day later", tick(f, 31*time.Hour), "list, launch 1 small f-2")
	_, total := f.Spent()
	if total < 0.4999 || total > 0.5001 {
		t.Errorf("spent %v", total)
	}
}

func TestWantRefuses(t *testing.T) {
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	for name, w := range map[string][]provisioner.Want{
		"negative": {wanted(-1)},
		"twice":    {wanted(1), wanted(2)},
		"no price": {{Stages: whole, Offer: provisioner.VMOffer{Name: "x"}, VMs: 1}},
	} {
		if err := f.Want(w...); err == nil {
			t.Error(name)
		}
	}
}
