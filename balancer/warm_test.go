package balancer_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// burst has a function serve so many requests at one time.
func burst(t *testing.T, b *balancer.Balancer, now time.Duration, requests int) {
	t.Helper()
	var places []balancer.Place
	for range requests {
		p, err := b.Pick(balancer.Ask{Generation: 1, Now: now, Remaining: balancer.Never})
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	for _, p := range places {
		b.Done(p, balancer.Report{Load: -1, Took: time.Second})
	}
}

// warmed are the calls that Warm says, all of which are answered at once, and the next time it is to be asked.
func warmed(b *balancer.Balancer, now time.Duration) (calls []int, wake time.Duration) {
	said, wake := b.Warm(now)
	for _, w := range said {
		b.Warmed(now, w.ID, w.Calls)
		calls = append(calls, w.Calls)
	}
	return calls, wake
}

// After a burst of four calls five instances are kept, of five minutes each: they are called every four minutes, and after some
// hours fewer, and in the end none.
func TestWarmAfterABurst(t *testing.T) {
	fn := function(2, 0, 0, 0, 10*ms)
	fn.Cold = time.Second
	b := with(t, 1, fn)
	calls, now := warmed(b, 0)
	want(t, "before any", calls, []int(nil))
	want(t, "asked again", now, 2*time.Minute)
	burst(t, b, time.Second, 4)

	var at []time.Duration
	var kept []int
	for now < 18*time.Minute {
		calls, next := warmed(b, now)
		if len(calls) > 0 {
			at, kept = append(at, now), append(kept, calls...)
		}
		now = next
	}
	want(t, "when", at, []time.Duration{2 * time.Minute, 6 * time.Minute, 10 * time.Minute, 14 * time.Minute})

	want(t, "calls", kept, []int{5, 5, 5, 5})

	_, p := pick(b, balancer.Ask{Generation: 1, Now: now, Remaining: balancer.Never})
	want(t, "a call finds an instance", p.Finish, 10*ms)
	b.Fail(p, now, balancer.Nothing)
	last := time.Duration(0)
	for now < 24*time.Hour {
		calls, next := warmed(b, now)
		if len(calls) > 0 {
			last = now
		}
		now = next
	}
	if last < 7*time.Hour || last > 13*time.Hour {
		t.Errorf("the last call came at %v", last)
	}
}

// Traffic that keeps the instances by itself needs no more than the margin above it, and what was not answered is
// asked for again.
func TestWarmBesideTraffic(t *testing.T) {
	fn := function(2, 0, 0, 0, 10*ms)
	fn.Cold = time.Second
	b := with(t, 1, fn)
	burst(t, b, time.Second, 12)
	said, now := b.Warm(2 * time.Minute)
	want(t, "a margin", said, []balancer.Warming{{ID: 2, Calls: 15}})
	b.Warmed(2*time.Minute, 2, 3)
	for range 3 {
		burst(t, b, now-time.Second, 15)
		said, now = b.Warm(now)
		want(t, "more", said, []balancer.Warming{{ID: 2, Calls: 19}})
		b.Warmed(now, 2, 0)
	}
	var busy []balancer.Place
	for range 10 {
		p, _ := b.Pick(balancer.Ask{Generation: 1, Now: now, Remaining: balancer.Never})
		busy = append(busy, p)
	}
	said, _ = b.Warm(now)
	want(t, "beside ten that are busy", said, []balancer.Warming{{ID: 2, Calls: 9}})
	b.Warmed(now, 2, 9)
	said, _ = b.Warm(now)
	want(t, "those are kept", len(said), 0)
	for _, p := range busy {
		b.Done(p, balancer.Report{Load: -1, Took: time.Second})
	}
}

// What has no cold start, no requests to come or no room is not called; a function takes over from another.
func TestWarmOnlyWhatIsNeeded(t *testing.T) {
	fn := function(2, 0, 0, 6, 10*ms)
	for name, c := range map[string]struct {
		cold  time.Duration
		drain bool
		calls []int
	}{"needed": {time.Second, false, []int{6}}, "no cold starts": {0, false, nil}, "drained": {time.Second, true, nil}} {
		fn.Cold = c.cold
		b := with(t, 1, fn)
		burst(t, b, time.Second, 6)
		if c.drain {
			b.Drain(2)
		}
		b.Warm(2 * time.Minute)
		calls, wake := warmed(b, 4*time.Minute)
		want(t, name, calls, append([]int{}, c.calls...))
		if len(c.calls) == 0 {
			want(t, name+": asked again", wake, balancer.Never)
			continue
		}
		want(t, name+": for its successor", b.Warmth(), 6)
		next := fn
		next.ID, next.Warm = 3, b.Warmth()
		if err := b.Join(next, 2); err != nil {
			t.Fatal(err)
		}
		b.Leave(2)
		want(t, name+": its successor needs as many", b.Warmth(), 6)
		calls, _ = warmed(b, 9*time.Minute)
		want(t, name+": and is called for them", calls, []int{6})
	}
}
