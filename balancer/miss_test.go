package balancer

import (
	"math"
	"testing"
	"time"
)

// So many late ones on average, in clumps of four, are more than one in a hundred in one minute of 200.
func TestMayMiss(t *testing.T) {
	for _, c := range []struct{ requests, share, low, high float64 }{
		// 600 a minute may have 6 late: 0.96 + 2.576*sqrt(4*0.96) = 6.
		{600, 0.0016, 0.95, 0.97},
		// 3,000 may have 30: 12.1 + 2.576*sqrt(4*12.1) = 30.
		{3000, 0.00403, 12, 12.2},
	} {
		got := mayMiss(c.requests)
		if mean := got * c.requests; math.Abs(got/c.share-1) > 0.01 || mean < c.low || mean > c.high {
			t.Errorf("%v requests: %v, want %v", c.requests, got, c.share)
		}
	}
	if got := mayMiss(1); got != leastMiss {
		t.Errorf("one request: %v", got)
	}
	if got := mayMiss(1e9); got != mostMiss {
		t.Errorf("any number of requests: %v", got)
	}
	for n, before := 1.0, 0.0; n < 1e9; n *= 3 {
		now := mayMiss(n)
		if now < before {
			t.Errorf("%v requests: %v, of fewer %v", n, now, before)
		}
		before = now
	}
}

// The share follows the rate of all cores: soon after the first requests, and with each minute.
func TestTheShareFollowsTheRate(t *testing.T) {
	b := NewShared(2)
	now := time.Hour // whenever the driver begins to count
	come := func(perMinute int, minutes int) (share float64) {
		for i := range perMinute * minutes {
			share = b.begins(i%2, now)
			now += time.Minute / time.Duration(perMinute)
		}
		return share
	}
	for _, c := range []struct{ perMinute, minutes int }{{3000, 1}, {3000, 3}, {600, 3}, {4000, 3}} {
		got, want := come(c.perMinute, c.minutes), mayMiss(float64(c.perMinute))
		if math.Abs(got/want-1) > 0.02 {
			t.Errorf("%d a minute for %d min: %v, want %v", c.perMinute, c.minutes, got, want)
		}
	}
	now += time.Hour // in which nobody came
	if got := come(600, 2); math.Abs(got/mayMiss(600)-1) > 0.02 {
		t.Errorf("after a rest: %v", got)
	}
}
