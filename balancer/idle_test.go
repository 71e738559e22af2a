package balancer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/balancer"
)

var idle = balancer.Rules{Stages: 4, Idle: true}

// A request that nobody waits for takes free slots only, group by group, and no function.
func TestIdleTakesFreeSlots(t *testing.T) {
	b := with(t, 0, vm(1, 0, 1, 2, 10*ms), vm(2, 2, 3, 1, 10*ms), function(3, 0, 3, 0, ms))
	first := balancer.NewRequest(b, 0, idle, 5*ms)
	want(t, "start", describe(first.Start(0, 0)), "send 1 stage 0 to 1")
	want(t, "neither lost nor late nor sent again", first.Wake(), balancer.Never)
	second := balancer.NewRequest(b, 0, idle, balancer.Never)
	want(t, "the other slot", describe(second.Start(0, 0)), "send 1 stage 0 to 1")
	third := balancer.NewRequest(b, 0, idle, balancer.Never)
	want(t, "no slot", describe(third.Start(0, 0)), "finish -1 all places are at their limits")

	want(t, "on", describe(first.Reply(time.Hour, 1, balancer.Reply{Outcome: balancer.Passed, Stage: 2}, 0)), "send 2 stage 2 to 2")
	want(t, "no slot behind", describe(second.Reply(time.Hour, 1, balancer.Reply{Outcome: balancer.Passed, Stage: 2}, 0)), "finish -1 all places are at their limits")
	want(t, "to the end", describe(first.Reply(time.Hour, 2, balancer.Reply{Outcome: balancer.Exited, Stage: 3}, 0)), "finish 3 <nil>")
	want(t, "hands", b.Serving(1)+b.Serving(2)+b.Serving(3), 0)
}

// It ends at the first place that does not do its part, though another is free.
func TestIdleIsNotTriedAgain(t *testing.T) {
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		reply balancer.Reply
		want  string
	}{
		"failed":      {balancer.Reply{Outcome: balancer.Failed, Err: broken}, "finish -1 failed at every place tried: connection reset"},
		"full":        {balancer.Reply{Outcome: balancer.Refused, Err: broken}, "finish -1 all places are at their limits: connection reset"},
		"invalid":     {balancer.Reply{Outcome: balancer.Invalid, Err: broken}, "finish -1 refused as invalid: connection reset"},
		"handed back": {balancer.Reply{Outcome: balancer.Passed}, "finish -1 failed at every place tried: deadline exceeded: handed back before it had run"},
	} {
		b := with(t, 0, vm(1, 0, 3, 1, 10*ms), vm(2, 0, 3, 1, 10*ms), function(3, 0, 3, 0, ms))
		r := balancer.NewRequest(b, 0, idle, balancer.Never)
		s := r.Start(0, 0)
		want(t, name, describe(r.Reply(ms, s.Attempt, c.reply, 0)), c.want)
		want(t, "hands", b.Serving(1)+b.Serving(2)+b.Serving(3), 0)
	}
	b := with(t, 0, function(3, 0, 3, 0, ms))
	r := balancer.NewRequest(b, 0, idle, balancer.Never)
	want(t, "functions only", describe(r.Start(0, 0)), "finish -1 all places are at their limits")
}

// Nothing is learnt from it: it takes as long as it takes, and leaves at no exit.
func TestIdleTeachesNothing(t *testing.T) {
	learn := func(rules balancer.Rules) time.Duration {
		b := with(t, 0, vm(1, 0, 1, 1, 10*ms), vm(2, 2, 3, 1, 10*ms))
		for range 300 {
			r := balancer.NewRequest(b, 0, rules, balancer.Never)
			s := r.Start(0, 0)
			s = r.Reply(time.Second, s.Attempt, balancer.Reply{Outcome: balancer.Passed, Stage: 2, Service: 50 * ms, Load: 3}, 0)
			r.Reply(2*time.Second, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 3, Service: 50 * ms, Load: 3}, 0)
		}
		_, p := pick(b, balancer.Ask{Remaining: balancer.Never})
		return p.Finish
	}
	want(t, "taught by others", learn(balancer.Rules{Stages: 4}) > 50*ms, true)
	want(t, "taught by idle ones", learn(idle), 10*ms)
}

// Nor is it sent once more where others would be.
func TestIdleIsNotHedged(t *testing.T) {
	b := seasoned(t, balancer.Rules{Stages: 1})
	for rules, hedged := range map[balancer.Rules]bool{{Stages: 1}: true, {Stages: 1, Idle: true}: false} {
		r := balancer.NewRequest(b, 0, rules, balancer.Never)
		r.Start(0, 0)
		want(t, "hedged", r.Wake() < 20*ms, hedged)
		r.GiveUp(nil)
	}
}

// Whatever is under way, an idle request gets no busy VM, and what it takes it gives back.
func TestIdleNeverWaits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := balancer.New()
		vms := rapid.IntRange(1, 5).Draw(rt, "VMs")
		slots := map[uint64]int{}
		for id := range uint64(vms) {
			m := vm(id+1, 0, 3, rapid.IntRange(1, 3).Draw(rt, "slots"), 10*ms)
			slots[m.ID] = m.Slots
			if err := b.Join(m, 0); err != nil {
				rt.Fatal(err)
			}
		}
		var under []balancer.Request
		var attempts []uint32
		for range rapid.IntRange(1, 30).Draw(rt, "events") {
			rules := balancer.Rules{Stages: 4, Idle: rapid.Bool().Draw(rt, "idle")}
			r := balancer.NewRequest(b, 0, rules, balancer.Never)
			s := r.Start(0, rapid.Uint64().Draw(rt, "random"))
			if s.Send {
				if id := s.Place.ID(); rules.Idle && b.Serving(id) > slots[id] {
					rt.Fatalf("VM %d of %d slots serves %d", id, slots[id], b.Serving(id))
				}
				under, attempts = append(under, r), append(attempts, s.Attempt)
			} else if !rules.Idle {
				rt.Fatal(fmt.Sprint("not sent: ", describe(s)))
			}
		}
		for i := range under {
			under[i].Reply(ms, attempts[i], balancer.Reply{Outcome: balancer.Exited, Stage: 3}, 0)
		}
		for id := range slots {
			if n := b.Serving(id); n != 0 {
				rt.Fatalf("VM %d serves %d in the end", id, n)
			}
		}
	})
}
