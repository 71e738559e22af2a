package simulate

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Events come out by time, whatever way they have gone in, and none is lost but alarms
// that were called off.
func TestAgenda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		off := map[uint32]bool{}
		a := agenda{counts: func(_ time.Duration, e event) bool { return !off[e.serial] }}
		var want []time.Duration // of the events that are in, by their serial
		now, n := time.Duration(0), 0
		for range rapid.IntRange(0, 200).Draw(t, "events") {
			at := now + time.Duration(rapid.SampledFrom([]int{0, 1, 2, 3, 5, 9, 400_000, 1_000_000, 1_400_000, 5_000_000_000}).Draw(t, "delay"))
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				a.at(at, event{serial: uint32(n)})
			case 1, 2:
				a.after(now, at-now, event{serial: uint32(n)})
			case 3:
				a.alarm(now, at, event{serial: uint32(n)})
			case 4:
				a.alarm(now, at, event{serial: uint32(n)})
				off[uint32(n)] = true
				at = Never
			default:
				due, where := a.next()
				least := Never
				for _, x := range want {
					least = min(least, x)
				}
				e := event{}
				for due < Never { // what was called off may come, but not after its time
					if e = a.take(where); !off[e.serial] {
						break
					}
					if due > least {
						t.Fatalf("event %d, which was called off, came at %v, after %v", e.serial, due, least)
					}
					due, where = a.next()
				}
				if due != least {
					t.Fatalf("the next is due at %v, want %v", due, least)
				}
				if due < Never {
					now = due
					if want[e.serial] != due {
						t.Fatalf("event %d is due at %v, came at %v", e.serial, want[e.serial], due)
					}
					want[e.serial] = Never
				}
				continue
			}
			want = append(want, at)
			n++
		}
		for due, where := a.next(); due < Never; due, where = a.next() {
			e := a.take(where)
			want[e.serial] = Never
		}
		if i := slices.IndexFunc(want, func(x time.Duration) bool { return x != Never }); i >= 0 {
			t.Fatalf("event %d is lost", i)
		}
	})
}
