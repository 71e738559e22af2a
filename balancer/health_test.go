package balancer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// shares are how many of some requests each member gets; each is done at once.
func shares(b *balancer.Balancer, now time.Duration, requests int) map[uint64]int {
	r, got := rand.New(rand.NewPCG(7, 8)), map[uint64]int{}
	for range requests {
		id, p := pick(b, balancer.Ask{Generation: 1, Now: now, Remaining: time.Second, Random: r.Uint64()})
		got[id]++
		if id > 0 {
			b.Fail(p, now, balancer.Nothing)
		}
	}
	return got
}

// fail has a member fail so many requests.
func fail(b *balancer.Balancer, id uint64, times int, now time.Duration, how balancer.Fault) {
	for r := rand.New(rand.NewPCG(9, id)); times > 0; {
		_, p := pick(b, balancer.Ask{Generation: 1, Now: now, Remaining: time.Second, Random: r.Uint64()})
		if p.ID() == id {
			times--
			b.Fail(p, now, how)
		} else {
			b.Fail(p, now, balancer.Nothing)
		}
	}
}

func TestEjection(t *testing.T) {
	for how, fault := range map[string]balancer.Fault{"broken": balancer.Broken, "silent": balancer.Silent} {
		b := with(t, 1, vm(1, 0, 0, 4, ms), vm(2, 0, 0, 4, ms), vm(3, 0, 0, 4, ms))
		fail(b, 1, 4, 0, fault)
		if got := shares(b, 0, 300); got[1] < 50 {
			t.Errorf("%s: four in a row: it gets %d of 300", how, got[1])
		}
		fail(b, 1, 1, 0, fault)
		want(t, how+": five in a row", shares(b, 999*ms, 300)[1], 0)
		if got := shares(b, time.Second, 300); got[1] < 50 {
			t.Errorf("%s: a second later it gets %d of 300", how, got[1])
		}
		fail(b, 1, 5, time.Second, fault)
		want(t, how+": again, for longer", shares(b, 2999*ms, 300)[1], 0)

		p := toVM1at(b, 3*time.Second)
		b.Done(p, balancer.Report{Service: ms, Took: ms})
		fail(b, 1, 4, 3*time.Second, fault)
		if got := shares(b, 3*time.Second, 300); got[1] < 50 {
			t.Errorf("%s: after an answer, four more: it gets %d of 300", how, got[1])
		}
	}
}

func toVM1at(b *balancer.Balancer, now time.Duration) balancer.Place {
	for r := rand.New(rand.NewPCG(1, 1)); ; {
		_, p := pick(b, balancer.Ask{Generation: 1, Now: now, Remaining: time.Second, Random: r.Uint64()})
		if p.ID() == 1 {
			return p
		}
		b.Fail(p, now, balancer.Nothing)
	}
}

// Of four VMs that all fail, one is left to serve; and requests still find it.
func TestNeverAllAreEjected(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 4, ms), vm(2, 0, 0, 4, ms), vm(3, 0, 0, 4, ms), vm(4, 0, 0, 4, ms))
	for id := range uint64(3) {
		fail(b, id+1, 5, 0, balancer.Broken)
	}
	want(t, "three of four", shares(b, 0, 300), map[uint64]int{4: 300})
	fail(b, 4, 9, 0, balancer.Broken)
	want(t, "the last one", shares(b, 0, 300), map[uint64]int{4: 300})
}

// VMs that drain, or serve another generation, are none that would be left.
func TestNoneIsEjectedForThoseThatDrain(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 4, ms), vm(2, 0, 0, 4, ms), function(4, 0, 0, 0, ms))
	if err := b.Join(vm(3, 0, 0, 4, ms), 2); err != nil {
		t.Fatal(err)
	}
	b.Drain(2)
	fail(b, 1, 5, 0, balancer.Broken)
	want(t, "the last one", shares(b, 0, 300), map[uint64]int{1: 300})
}

// A request goes to no VM that has failed it before it has been to all.
func TestEachPlaceOnce(t *testing.T) {
	b := with(t, 0, vm(1, 0, 0, 4, ms), vm(2, 0, 0, 4, ms), vm(3, 0, 0, 4, ms), vm(4, 0, 0, 4, ms))
	for seed := range uint64(50) {
		random, seen := rand.New(rand.NewPCG(seed, 3)), map[uint64]bool{}
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
		for s := r.Start(0, random.Uint64()); s.Send && len(seen) < 4; s = r.Reply(0, s.Attempt, balancer.Reply{Outcome: balancer.Failed}, random.Uint64()) {
			if seen[s.Place.ID()] {
				t.Fatalf("seed %d: VM %d again, after %v", seed, s.Place.ID(), seen)
			}
			seen[s.Place.ID()] = true
		}
		want(t, "places", len(seen), 4)
		r.GiveUp(nil)
		for id := range seen { // they are well again
			p := toMember(b, id)
			b.Done(p, balancer.Report{Service: ms, Took: ms})
		}
	}
}

func toMember(b *balancer.Balancer, id uint64) balancer.Place {
	for r := rand.New(rand.NewPCG(id, 1)); ; {
		p, err := b.Pick(balancer.Ask{Now: time.Hour, Remaining: balancer.Never, Random: r.Uint64()})
		if err != nil {
			panic(err)
		}
		if p.ID() == id {
			return p
		}
		b.Fail(p, 0, balancer.Nothing)
	}
}

// A VM that joins others which serve gets no more than a batch for each slot, and one more with
// each answer.
func TestSlowStart(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 2, 10*ms))
	for range 5 {
		b.Done(toVM1(b), balancer.Report{Service: 10 * ms, Took: 10 * ms})
	}
	if err := b.Join(vm(2, 0, 0, 2, 10*ms), 1); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	var hand []balancer.Place
	fill := func(requests int) {
		for range requests {
			_, p := pick(b, balancer.Ask{Generation: 1, Remaining: balancer.Never, With: balancer.Rooms, Random: r.Uint64()})
			if p.ID() == 2 {
				hand = append(hand, p)
			}
		}
	}
	fill(20)
	want(t, "at first", len(hand), 2)
	for _, p := range hand {
		b.Done(p, balancer.Report{Service: 10 * ms, Took: 10 * ms, Load: -1})
	}
	hand = nil
	fill(20)
	want(t, "after two answers", len(hand), 3) // the second came when it had room
}

// The room of a function that refuses calls settles where it refuses some, and follows its limit.
// Left out, calls are tried whatever has been refused.
func TestLearntLimit(t *testing.T) {
	for name, c := range map[string]struct {
		without balancer.Mechanism
		refused bool // two in five calls, or more
	}{"learnt": {0, false}, "left out": {balancer.Concurrency, true}} {
		b := with(t, 0, function(1, 0, 0, 0, 10*ms))
		throttle(b, c.without, 20, 500)
		most, refused := throttle(b, c.without, 10, 500)
		want(t, name+", calls at one time of 10", most, 10)
		want(t, name+", refused", refused > 200, c.refused)
		throttle(b, c.without, 10, 500)
		most, _ = throttle(b, c.without, 20, 500)
		want(t, name+", calls at one time of 20", most, 20)
	}
}

// throttle has calls come to a function that allows so many at one time. Whenever one has been refused
// or has not been sent, the oldest under way is answered.
func throttle(b *balancer.Balancer, without balancer.Mechanism, limit, calls int) (most, refused int) {
	var running []*balancer.Request
	for range calls {
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Without: without}, balancer.Never)
		s := r.Start(0, 1<<63)
		if s.Send && len(running) < limit {
			running = append(running, &r)
			most = max(most, len(running))
			continue
		}
		if s.Send {
			refused++
			r.Reply(0, s.Attempt, balancer.Reply{Outcome: balancer.Refused, Err: errors.New("too many")}, 1<<63)
		}
		r.GiveUp(nil)
		running[0].Reply(ms, 1, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)
		running = running[1:]
	}
	for _, r := range running {
		r.Reply(ms, 1, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)
	}
	return most, refused
}

// A burst beyond the limit of a function is refused many times at once, which says no more than the
// first refusal of it.
func TestRefusedInABurst(t *testing.T) {
	b := with(t, 0, function(1, 0, 0, 0, 10*ms))
	ask := balancer.Ask{Remaining: time.Second}
	var places []balancer.Place
	for range 200 {
		_, p := pick(b, ask)
		places = append(places, p)
	}
	for _, p := range places[100:] {
		b.Fail(p, ms, balancer.Full)
	}
	for range 200 {
		if _, err := b.Pick(ask); err != nil {
			if !errors.Is(err, balancer.ErrFull) {
				t.Error(err)
			}
			break
		}
	}
	if n := b.Serving(1); n < 90 || n > 100 {
		t.Errorf("%d calls at once, where 100 have been taken", n)
	}
}

// A function that refuses is full for as many calls as it had, and then room comes back.
func TestThrottled(t *testing.T) {
	throttled := errors.New("too many")
	b := with(t, 0, function(1, 0, 0, 0, 10*ms))
	rules := balancer.Rules{Stages: 1}
	var running []*balancer.Request
	for range 10 {
		r := balancer.NewRequest(b, 0, rules, 500*ms)
		r.Start(0, 0)
		running = append(running, &r)
	}
	r := balancer.NewRequest(b, 0, rules, 500*ms)
	r.Start(0, 0)
	want(t, "refused: it waits", describe(r.Reply(ms, 1, balancer.Reply{Outcome: balancer.Refused, Err: throttled}, 1<<63)), "")
	if wait := r.Wake() - ms; wait < ms/2 || wait > ms {
		t.Errorf("for %v, want 0.5 to 1 ms", wait)
	}
	other := balancer.NewRequest(b, 0, rules, 500*ms)
	want(t, "others are not even sent", describe(other.Start(ms, 1<<63)), "")
	for range 6 {
		now := r.Wake()
		want(t, "still full", describe(r.Tick(now, 1<<63)), "")
		if r.Wake() <= now {
			t.Fatal("it does not wait")
		}
	}
	for _, q := range running {
		q.Reply(20*ms, 1, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)
	}
	s := r.Tick(r.Wake(), 0)
	want(t, "room", describe(s), "send 2 stage 0 to 1")
	want(t, "answered", describe(r.Reply(300*ms, 2, balancer.Reply{Outcome: balancer.Exited, Service: 10 * ms}, 0)), "finish 0 <nil>")

	// The other one waits on, and in the end has no more time.
	var last balancer.Step
	for n := 0; !last.Finish; n++ {
		if n > 1000 {
			t.Fatal("it waits for ever")
		}
		if last.Send {
			last = other.Reply(other.Wake()-1, last.Attempt, balancer.Reply{Outcome: balancer.Refused, Err: throttled}, 1<<63)
		} else {
			last = other.Tick(other.Wake(), 1<<63)
		}
	}
	if !errors.Is(last.Err, throttled) || !errors.Is(last.Err, balancer.ErrFull) && !errors.Is(last.Err, balancer.ErrDeadline) {
		t.Errorf("it ends in %v", last.Err)
	}
}

// Without a deadline a request waits as long as it may.
func TestWaitsNotForEver(t *testing.T) {
	b := with(t, 0, function(1, 0, 0, 1, 10*ms))
	hog := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	hog.Start(0, 0)
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Wait: 10 * time.Second}, balancer.Never)
	s, ticks := r.Start(0, 0), 0
	for ; !s.Finish && ticks < 1000; ticks++ {
		s = r.Tick(r.Wake(), 0)
	}
	if !errors.Is(s.Err, balancer.ErrFull) || ticks > 100 {
		t.Errorf("after %d ticks: %v", ticks, fmt.Sprint(s.Err))
	}
}

// Calls beyond those that ran at one time lately start an instance, and those are not waited for
// by what has no time for that.
func TestWarmInstances(t *testing.T) {
	fn := function(2, 0, 0, 0, 10*ms)
	fn.Cold = time.Second
	b := with(t, 1, fn)
	ask := balancer.Ask{Generation: 1, Remaining: balancer.Never}
	_, first := pick(b, ask)
	want(t, "the first call", first.Finish, time.Second+10*ms)
	_, second := pick(b, ask)
	want(t, "one more at one time", second.Finish, time.Second+10*ms)
	b.Done(first, balancer.Report{Load: -1, Took: time.Second})
	b.Done(second, balancer.Report{Load: -1, Took: time.Second})
	for now, finish := range map[time.Duration]time.Duration{time.Second: 10 * ms, 4 * time.Minute: 10 * ms, 6 * time.Minute: time.Second + 10*ms} {
		b := with(t, 1, fn)
		_, p := pick(b, ask)
		b.Done(p, balancer.Report{Load: -1, Took: time.Second})
		ask.Now = now
		_, p = pick(b, ask)
		want(t, fmt.Sprint("after ", now), p.Finish, finish)
		ask.Now = 0
	}
	busy := vm(1, 0, 0, 1, 40*ms)
	if err := b.Join(busy, 1); err != nil {
		t.Fatal(err)
	}
	ask.Remaining, ask.Now = 100*ms, time.Minute
	var got []uint64
	for range 5 {
		id, _ := pick(b, ask)
		got = append(got, id)
	}
	want(t, "two on the VM, two on warm instances, and one that is late anyway", got, []uint64{1, 1, 2, 2, 2})
}

// A VM whose requests go deep is not slow: others like it will take as long, and one that goes
// all the way takes no longer than before.
func TestDeepIsNotSlow(t *testing.T) {
	m := vm(1, 0, 1, 1, 10*ms)
	m.Service, m.Longest, m.Each = []time.Duration{10 * ms, 40 * ms}, []time.Duration{50 * ms, 50 * ms}, []time.Duration{ms, 40 * ms}
	other := m
	other.ID = 2
	ask := balancer.Ask{Generation: 1, Remaining: 50 * ms}
	b := with(t, 1, m)
	place := func(id uint64) balancer.Place {
		_, p := pick(b, balancer.Ask{Generation: 1, Remaining: balancer.Never, Not: 3 - id})
		return p
	}
	for range 300 { // all the way, in the time that this takes
		_, p := pick(b, ask)
		b.Done(p, balancer.Report{Service: 41 * ms, Took: 41 * ms, Last: 1})
	}
	if err := b.Join(other, 1); err != nil {
		t.Fatal(err)
	}
	for id := range uint64(2) {
		p := place(id + 1)
		if p.Finish < 35*ms || p.Finish > 42*ms {
			t.Errorf("VM %d: expected after %v, want about the 41 ms that all of late took", id+1, p.Finish)
		}
		b.Fail(p, 0, balancer.Nothing)
	}
	if _, err := b.Pick(ask); err != nil {
		t.Errorf("a full pass still takes no more than 50 ms: %v", err)
	}

	b = with(t, 1, m, other)
	for range 300 { // VM 1 takes three times as long
		p := place(1)
		b.Done(p, balancer.Report{Service: 3 * ms, Took: 3 * ms, Last: 0})
	}
	slow, well := place(1), place(2)
	if slow.Finish < 2*well.Finish {
		t.Errorf("expected after %v from a VM that is slow, %v from one that is not", slow.Finish, well.Finish)
	}
}

// One request in four is late at its VM: busy VMs are then left to others, unless so many may be. That others are in time
// which have more than three quarters of it to spare says nothing of busy VMs.
func TestMiss(t *testing.T) {
	for _, c := range []struct {
		miss     float64
		deadline time.Duration
		want     uint64
	}{{0, 35 * ms, 2}, {0.3, 35 * ms, 1}, {0.3, 45 * ms, 2}} {
		b := with(t, 1, vm(1, 0, 0, 1, 10*ms), function(2, 0, 0, 0, 55*ms))
		for i := range 400 {
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Miss: c.miss}, c.deadline)
			s := r.Start(0, 0)
			want(t, "idle", s.Place.ID(), 1)
			if i%4 == 0 { // handed back
				r.Reply(10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Passed, Stage: 0}, 0)
				r.GiveUp(nil)
				continue
			}
			r.Reply(10*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 0, Service: 10 * ms}, 0)
		}
		for range 3 {
			toVM1(b)
		}
		id, _ := pick(b, balancer.Ask{Generation: 1, Remaining: 60 * ms})
		want(t, "busy", id, c.want)
	}
}
