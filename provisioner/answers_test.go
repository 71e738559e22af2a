package provisioner_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// A VM that has come and gone before its launch is answered is not there again, and the
// other one that the answer names is not a stray.
func TestGoneBeforeTheAnswer(t *testing.T) {
	for name, events := range map[string]func(f *provisioner.Fleet){
		"registered, then lost": func(f *provisioner.Fleet) { f.Ready(time.Second, "a", "f-1"); f.Lost(2*time.Second, "a") },
		"lost, never seen":      func(f *provisioner.Fleet) { f.Lost(2*time.Second, "a") },
	} {
		f := started(t, ample, wanted(2))
		want(t, name, tick(f, 0), "launch 2 small f-1")
		events(f)
		want(t, name, tick(f, 2*time.Second)[:len("end a")], "end a")
		f.Ended(2*time.Second, "a")
		f.Launched(10*time.Second, "f-1", "a", "b")
		want(t, name, states(f), "b booting")
	}
}

// A list that is older than the end of a VM does not bring it back, whether the fleet has
// asked for it or the driver has by itself.
func TestListOlderThanAnEnd(t *testing.T) {
	a := provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small}
	const now = 5 * time.Minute
	for name, c := range map[string]struct {
		listed time.Duration // after its end
		want   string
	}{
		"a list under way":          {time.Second, "launch 1 small f-2"},
		"one that is asked for now": {2 * time.Minute, "launch 1 small f-2"},
	} {
		f := started(t, ample, wanted(1))
		tick(f, 0)
		f.Launched(0, "f-1", "a")
		f.Ready(time.Second, "a", "f-1")
		want(t, "list", tick(f, now), "list")
		_ = f.Want()
		f.Ended(now, "a")
		tick(f, now+c.listed)
		_ = f.Want(wanted(1))
		f.Found(now+c.listed, a)
		want(t, name, tick(f, now+c.listed), c.want)
	}

	f := started(t, ample)
	tick(f, 0)
	f.Ended(now, "a")
	f.Found(now)
	f.Found(now+time.Minute-1, a)
	want(t, "the driver's own", states(f), "")
	tick(f, now+time.Minute)
	f.Found(now+time.Minute, a)
	want(t, "a list must not be as old as that", states(f), "a booting")
}

// A launch that is answered again after it has been settled may name a VM that has ended long
// since. It is ended again: the fleet keeps no list of all that have ever been.
func TestSecondAnswer(t *testing.T) {
	f := started(t, provisioner.Limits{VMs: 1, PerHour: 9, PerDay: 9}, wanted(1))
	tick(f, 0)
	want(t, "asked again", tick(f, time.Minute), "launch 1 small f-1")
	f.Launched(time.Minute, "f-1", "a")
	_ = f.Want()
	f.Ended(2*time.Minute, "a")
	f.Launched(2*time.Minute, "f-1", "a")
	want(t, "it is remembered for a while", tick(f, 2*time.Minute), "")
	want(t, "and then not", tick(f, 3*time.Minute), "")
	_ = f.Want(wanted(1))
	f.Launched(4*time.Minute, "f-1", "a")
	want(t, "ended for nothing, in the only VM's room", tick(f, 4*time.Minute), "end a")
	f.Ended(4*time.Minute, "a")
	want(t, "and then there is room", tick(f, 4*time.Minute), "launch 1 small f-2")
}

// One ask of several is refused, perhaps throttled: VMs may have come of another. Only a list
// can tell.
func TestRefusedWhenAskedAgain(t *testing.T) {
	asked := func() *provisioner.Fleet {
		f := started(t, ample, wanted(1))
		tick(f, 0)
		want(t, "asked again", tick(f, time.Minute), "launch 1 small f-1")
		f.LaunchFailed(90*time.Second, "f-1")
		want(t, "in doubt", tick(f, 110*time.Second), "")
		f.Found(110 * time.Second)
		want(t, "a list that may be older than the ask", tick(f, 110*time.Second), "")
		want(t, "not asked a third time, but for a list", tick(f, 2*time.Minute), "list")
		return f
	}
	f := asked()
	f.Found(2 * time.Minute)
	want(t, "nothing has come of it, held back", tick(f, 2*time.Minute), "")
	want(t, "tried anew", tick(f, 2*time.Minute+5*time.Second), "launch 1 small f-2")

	f = asked()
	f.Found(2*time.Minute, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
	want(t, "it has come", states(f), "a booting")
	_ = f.Want(wanted(2))
	want(t, "all that was asked for: no reason to hold back", tick(f, 2*time.Minute), "launch 1 small f-2")

	f = asked()
	f.Launched(2*time.Minute, "f-1", "a")
	want(t, "the other ask is answered", states(f), "a booting")
}

// A list does not settle a launch that may still be asked for again.
func TestListBeforeTheAnswer(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Found(time.Minute)
	want(t, "asked again", tick(f, time.Minute), "launch 1 small f-1")
}

// Patience without end is long, and less than none is the default.
func TestPatienceWithoutEnd(t *testing.T) {
	const never = provisioner.Never
	f := provisioner.NewFleet("f", ample, provisioner.Patience{Launch: never, Asks: -1, Boot: never, Drain: never, End: never, Retry: never, List: never})
	_ = f.Want(wanted(2))
	tick(f, time.Hour)
	f.Found(time.Hour)
	want(t, "launched", tick(f, time.Hour), "launch 2 small f-1")
	f.Launched(time.Hour, "f-1", "a")
	_, wake := f.Tick(2 * time.Hour)
	if year := 365 * 24 * time.Hour; wake < year || states(f) != "a booting" {
		t.Errorf("%s, woken at %v", states(f), wake)
	}
	f = provisioner.NewFleet("f", ample, provisioner.Patience{Launch: -1, Boot: -1, Drain: -1, End: -1, Retry: -1, List: -1})
	_ = f.Want(wanted(1))
	tick(f, 0)
	f.Found(0)
	_, wake = f.Tick(0)
	want(t, "negative", wake, time.Minute)
}

// A launch is asked for again as it was, whatever has come of it since: a provider refuses a token that comes with
// another number.
func TestAskedAgainAsBefore(t *testing.T) {
	f := started(t, ample, wanted(3))
	want(t, "first", tick(f, 0), "launch 3 small f-1")
	f.Ready(30*time.Second, "a", "f-1")
	want(t, "again", tick(f, time.Minute), "launch 3 small f-1")
}

// A list that nobody has asked for may be older than the end of a VM that it names: that is not adopted.
func TestOlderListThanTheEnd(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Ready(time.Minute, "a", "f-1")
	if err := f.Want(); err != nil {
		t.Fatal(err)
	}
	want(t, "not wanted", tick(f, 100*time.Second), "drain a")
	f.Idle(101*time.Second, "a")
	want(t, "idle", tick(f, 101*time.Second), "end a")
	f.Ended(102*time.Second, "a")
	tick(f, 103*time.Second)
	f.Found(104*time.Second, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
	want(t, "it is no more", tick(f, 104*time.Second), "")
	tick(f, 199*time.Second)
	f.Found(200*time.Second, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
	want(t, "it is, after all", len(f.VMs()), 1)
}

// A list without a VM that became known while the list may have been on its way says nothing of it; a later one
// says that it has ended.
func TestListOlderThanALaunch(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(10*time.Second, "f-1", "a")
	f.Ready(20*time.Second, "a", "f-1")
	f.Found(69 * time.Second)
	want(t, "it serves on", tick(f, 69*time.Second), "")
	f.Found(70 * time.Second)
	want(t, "it is no more", tick(f, 70*time.Second), "launch 1 small f-2")
}
