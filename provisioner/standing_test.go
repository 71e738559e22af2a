package provisioner_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// A VM that is too many stays while it is paid anyway. One that serves is not given up for one
// that boots, and of those that serve the older one goes, whose minimum is over.
func TestLinger(t *testing.T) {
	f := provisioner.NewFleet("f", provisioner.Limits{VMs: 9, PerHour: 99, PerDay: 99}, provisioner.Patience{})
	f.Found(0)
	w := wanted(1)
	w.Offer.Minimum, w.Linger = 10*time.Minute, 10*time.Second
	set := func(n int) {
		w.VMs = n
		if err := f.Want(w); err != nil {
			t.Fatal(err)
		}
	}
	tick := func(now time.Duration) string { return tick(f, now) }
	set(1)
	want(t, "first", tick(0), "launch 1 small f-1")
	f.Launched(0, "f-1", "a")
	f.Ready(time.Minute, "a", "f-1")
	set(2)
	want(t, "second", tick(5*time.Minute), "list, launch 1 small f-2")
	f.Launched(5*time.Minute, "f-2", "b")
	set(1)
	want(t, "b boots on: both are paid", tick(6*time.Minute), "list")
	f.Found(6*time.Minute, provisioner.Found{ID: "a", Token: "f-1", Stages: w.Stages, Offer: w.Offer}, provisioner.Found{ID: "b", Token: "f-2", Stages: w.Stages, Offer: w.Offer})
	f.Ready(6*time.Minute, "b", "f-2")
	_, wake := f.Tick(6 * time.Minute)
	want(t, "woken when a has been paid", wake, 10*time.Minute-10*time.Second)
	want(t, "before", tick(9*time.Minute+40*time.Second), "")
	want(t, "the older one, since the younger is paid on", tick(9*time.Minute+50*time.Second), "drain a")
	if s := f.Standing(10*time.Minute, w); s.Ready != 1 || s.Draining != 1 || s.Room != 7 || s.Held || s.Alive() != 1 {
		t.Errorf("standing: %+v", s)
	}
}

// A launch that fails holds the kind back, and Standing says so.
func TestStandingHeld(t *testing.T) {
	f := provisioner.NewFleet("f", provisioner.Limits{VMs: 9, PerHour: 99, PerDay: 99}, provisioner.Patience{})
	if f.Listed() {
		t.Error("listed before a list")
	}
	f.Found(0)
	_ = f.Want(wanted(2))
	f.Tick(0)
	if s := f.Standing(0, wanted(2)); s.Asked != 2 || s.Held || !f.Listed() {
		t.Errorf("asked: %+v", s)
	}
	f.LaunchFailed(time.Second, "f-1")
	if s := f.Standing(2*time.Second, wanted(2)); s.Asked != 0 || !s.Held {
		t.Errorf("refused: %+v", s)
	}
	if s := f.Standing(7*time.Second, wanted(2)); s.Held {
		t.Errorf("later: %+v", s)
	}
}

// What another program launches while this one is there is its own, and left alone; what was
// there before, or was being launched when it began, is adopted or ended.
func TestRivals(t *testing.T) {
	f := provisioner.NewFleet("f", provisioner.Limits{VMs: 9, PerHour: 99, PerDay: 99}, provisioner.Patience{})
	foreign := func(id string) provisioner.Found {
		return provisioner.Found{ID: id, Token: "other-" + id, Stages: wanted(0).Stages, Offer: small}
	}
	_ = f.Want(wanted(1))
	f.Found(0, foreign("before"))
	f.Found(30*time.Second, foreign("before"), foreign("under-way"))
	f.Ready(30*time.Second, "before", "other-before")
	want(t, "one too many", tick(f, 30*time.Second), "end under-way")
	f.Ended(40*time.Second, "under-way")
	f.Found(5*time.Minute, foreign("before"))
	f.Found(10*time.Minute, foreign("before"), foreign("rival"), provisioner.Found{ID: "late", Token: "f-77", Stages: wanted(0).Stages, Offer: small})
	want(t, "rivals", f.Rivals(), []string{"rival"})
	if _, ok := f.VM("rival"); ok {
		t.Error("the rival's VM was adopted")
	}
	want(t, "what is ours is ended all the same", tick(f, 10*time.Minute), "end late")
	f.Found(15*time.Minute, foreign("before"))
	want(t, "it has gone", len(f.Rivals()), 0)
}

// A VM of an earlier program that one list leaves out, and the next one has again, is no other program's: nobody else
// would end it.
func TestAdoptedAndLeftOutOnce(t *testing.T) {
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	before := provisioner.Found{ID: "before", Token: "e-1", Stages: whole, Offer: small, Age: time.Hour}
	f.Found(0, before)
	tick(f, 0)
	f.Found(5 * time.Minute)
	want(t, "it seems to be gone", len(f.VMs()), 0)
	tick(f, 5*time.Minute)
	tick(f, 7*time.Minute)
	f.Found(10*time.Minute, before)
	want(t, "it is not wanted", tick(f, 10*time.Minute), "end before")
	want(t, "rivals", len(f.Rivals()), 0)
}
