package balancer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// A member that serves other stages in the next generation has one load: what it has in hand of one plan
// is ahead of what comes by the other.
func TestStagesByGeneration(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms))
	if err := b.Join(vm(1, 0, 2, 1, 10*ms), 2); err != nil {
		t.Fatal(err)
	}
	old, then := balancer.Ask{Generation: 1, Remaining: time.Second}, balancer.Ask{Generation: 2, Remaining: time.Second}
	id, first := pick(b, old)
	want(t, "by the old plan", []any{id, first.Stages(), first.Finish}, []any{1, "stages 1-2", 10 * ms})
	id, second := pick(b, then)
	want(t, "by the new plan, behind it", []any{id, second.Stages(), second.Finish}, []any{1, "stages 1-3", 20 * ms})
	want(t, "in hand", b.Serving(1), 2)
	old.Stage, then.Stage = 2, 2
	if _, err := b.Pick(old); !errors.Is(err, balancer.ErrNoPlace) {
		t.Errorf("the last stage by the old plan: %v", err)
	}
	id, third := pick(b, then)
	want(t, "and by the new one", []any{id, third.Finish}, []any{1, 30 * ms})
	for _, p := range []balancer.Place{third, first, second} {
		b.Done(p, balancer.Report{Entered: p.Stages().First, Load: -1})
	}
	want(t, "left in hand", b.Serving(1), 0)
	if err := b.Join(vm(1, 1, 2, 1, 10*ms), 2); !errors.Is(err, balancer.ErrMember) {
		t.Errorf("other stages in one generation: %v", err)
	}
}

// What has been seen of a member's speed holds for the stages that it serves in another generation.
func TestSpeedOfOtherStages(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms))
	for range 100 {
		_, p := pick(b, balancer.Ask{Generation: 1, Remaining: time.Second})
		b.Done(p, balancer.Report{Entered: 0, Service: 20 * ms, Load: 0, Last: 1})
	}
	if err := b.Join(vm(1, 2, 2, 1, 30*ms), 2); err != nil {
		t.Fatal(err)
	}
	_, p := pick(b, balancer.Ask{Generation: 2, Stage: 2, Remaining: time.Second})
	want(t, "twice as slow as it is said to be", p.Finish.Round(ms), 60*ms)
}

// A request ends on the generation that it began with, wherever the VM that has it is to serve later: behind the
// stages that the VM has there it goes to who has them there, and until it has ended the VM is not drained.
func TestOldRequestsKeepTheirStages(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms), function(2, 2, 2, 0, 10*ms))
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 3}, time.Second)
	s := r.Start(0, 0)
	for _, m := range []balancer.Member{vm(1, 0, 2, 1, 10*ms), function(3, 0, 2, 0, 100*ms)} {
		if err := b.Join(m, 2); err != nil {
			t.Fatal(err)
		}
	}
	b.Publish(2)
	want(t, "begun by the old plan", []any{s.Place.ID(), s.Place.Stages()}, []any{1, "stages 1-2"})
	fresh := balancer.NewRequest(b, 0, balancer.Rules{Stages: 3}, time.Second)
	f := fresh.Start(0, 0)
	want(t, "begun by the new one", []any{f.Place.ID(), f.Place.Stages(), b.Serving(1)}, []any{1, "stages 1-3", 2})
	fresh.Reply(ms, f.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 2}, 0)

	s = r.Reply(10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Passed, Stage: 2}, 0)
	want(t, "goes on by the old one", []any{s.Send, s.Place.ID()}, []any{true, 2})
	if _, ok := b.Retire(1); ok {
		t.Error("the old generation has ended before its request")
	}
	s = r.Reply(20*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 2}, 0)
	want(t, "ended", []any{s.Finish, s.Err, s.Exit}, []any{true, nil, 2})
	drained, ok := b.Retire(1)
	want(t, "drained", []any{drained, ok}, []any{[]uint64{2}, true})
	id, p := pick(b, balancer.Ask{Generation: 2, Remaining: time.Second})
	want(t, "the VM serves on", []any{id, p.Stages()}, []any{1, "stages 1-3"})
}

// A VM that comes back to a plan, or goes on to a third, is described by that alone.
func TestStagesThereAndBack(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, 10*ms))
	join := func(first, last int, generation uint64) {
		t.Helper()
		if err := b.Join(vm(1, first, last, 1, 10*ms), generation); err != nil {
			t.Fatal(err)
		}
	}
	_, p := pick(b, balancer.Ask{Generation: 1, Remaining: time.Second})
	join(1, 2, 2)
	b.Publish(2)
	b.Done(p, balancer.Report{Load: -1})
	b.Retire(1)
	for stage, serves := range []uint64{0, 1, 1} {
		id, _ := pick(b, balancer.Ask{Generation: 2, Stage: stage, Remaining: time.Second})
		want(t, "serves by the second plan", id, serves)
	}
	b.Drain(1)
	join(0, 0, 3)
	id, p := pick(b, balancer.Ask{Generation: 3, Remaining: time.Second})
	want(t, "serves by the third, behind two in hand", []any{id, p.Finish, b.Serving(1)}, []any{1, 30 * ms, 3})
	b.Leave(1)
	want(t, "left", b.Serving(1), 0)
}
