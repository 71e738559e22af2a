package provisioner_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// The driver has no notices to look after: what follows from one is said once, by Tick.
func TestNoticeDrains(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Ready(time.Minute, "a", "f-1")
	for range 2 {
		f.Notice(2*time.Minute, "a")
	}
	want(t, "drained and replaced", tick(f, 2*time.Minute), "drain a, launch 1 small f-2")
	f.Notice(2*time.Minute, "a")
	want(t, "once", tick(f, 2*time.Minute+time.Second), "")
	f.Idle(3*time.Minute, "a")
	want(t, "nothing left to do", tick(f, 3*time.Minute), "end a, launch 1 small f-2")
}

// A VM that its provider takes back is not resumed, though it was draining already.
func TestNoticeWhileDraining(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Ready(0, "a", "f-1")
	for _, vms := range []int{0, 1} {
		if err := f.Want(wanted(vms)); err != nil {
			t.Fatal(err)
		}
		if vms == 0 {
			want(t, "not wanted", tick(f, 0), "drain a")
			f.Notice(0, "a")
		}
	}
	want(t, "wanted again", tick(f, time.Second), "launch 1 small f-2")
}

// A VM that is taken back before it serves is not waited for.
func TestNoticeWhileBooting(t *testing.T) {
	f := started(t, ample, wanted(1))
	tick(f, 0)
	f.Launched(0, "f-1", "a")
	f.Notice(time.Second, "a")
	want(t, "ended and replaced", tick(f, time.Second), "end a, launch 1 small f-2")
	f.Ready(2*time.Second, "a", "f-1")
	want(t, "too late", states(f), "a ending")
}

// A notice may be the first that is heard of a VM.
func TestNoticeBeforeTheVMIsKnown(t *testing.T) {
	for name, comes := range map[string]func(f *provisioner.Fleet){
		"with the answer":     func(f *provisioner.Fleet) { f.Launched(2*time.Second, "f-1", "a") },
		"registers before it": func(f *provisioner.Fleet) { f.Ready(2*time.Second, "a", "f-1") },
	} {
		f := started(t, ample, wanted(1))
		tick(f, 0)
		f.Notice(time.Second, "a")
		want(t, name+": whose it is is not known", tick(f, time.Second), "")
		comes(f)
		want(t, name, tick(f, 2*time.Second)[:len("end a")], "end a")
	}

	for name, asked := range map[string]bool{"before the first list": false, "while it is on its way": true} {
		f := provisioner.NewFleet("g", ample, provisioner.Patience{})
		if asked {
			tick(f, 0)
		}
		f.Notice(0, "a")
		tick(f, 0)
		f.Found(time.Second, provisioner.Found{ID: "a", Token: "f-1", Stages: whole, Offer: small})
		want(t, name, states(f), "a ending")
	}

	f := started(t, ample, wanted(1))
	want(t, "a later list", tick(f, 5*time.Minute), "list, launch 1 small f-1")
	f.LaunchFailed(5*time.Minute, "f-1")
	f.Notice(5*time.Minute, "a")
	f.Found(5*time.Minute, provisioner.Found{ID: "a", Token: "e-1", Stages: whole, Offer: small})
	want(t, "while a later list is on its way", states(f), "a ending")
}

// Notices of VMs that never come are not kept.
func TestNoticeOfAStranger(t *testing.T) {
	f := started(t, ample, wanted(1))
	f.Notice(0, "a")
	tick(f, 0)
	f.Notice(0, "b")
	f.Launched(0, "f-1", "a")
	want(t, "it was nobody's then", states(f), "a booting")
	f.Lost(time.Second, "a")
	tick(f, time.Second)
	f.Launched(2*time.Second, "f-2", "b")
	want(t, "it was not of that launch", states(f), "a ending, b booting")
}
