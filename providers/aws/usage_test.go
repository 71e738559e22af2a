package aws

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/stage"
)

// The width is the most calls that ever were in flight at once in the last nine to ten minutes, by a list of all
// calls, of the functions that serve a stage of the range.
func TestTheWidthIsWhatAListOfAllCallsSays(t *testing.T) {
	type one struct {
		function   string
		begun, end time.Duration // end is -1 while it runs
	}
	ranges := []stage.Range{{First: 0, Last: 1}, {First: 2, Last: 4}}
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUsage()
			var names []string
			for i, r := range ranges {
				names = append(names, fmt.Sprint(prefixOf("shop"), i))
				u.serves(names[i], r)
			}
			u.end(u.begin(prefixOf("another")+"0"), false)
			var all []one
			open := map[int]*calls{}
			pauses := []time.Duration{time.Second, 25 * time.Second, time.Minute, 130 * time.Second, 9*time.Minute + time.Second}
			for _, pause := range rapid.SliceOfN(rapid.SampledFrom(pauses), 10, 80).Draw(rt, "pauses") {
				time.Sleep(pause)
				if i := rapid.SampledFrom([]int{0, 1, 2, 2}).Draw(rt, "what"); i < 2 {
					open[len(all)] = u.begin(names[i])
					all = append(all, one{names[i], time.Since(u.began), -1})
				} else {
					for i, c := range open {
						u.end(c, false)
						delete(open, i)
						all[i].end = time.Since(u.began)
						break
					}
				}
			}
			// most is the most at once of a function since a time: it is reached when a call begins, or then.
			most := func(function string, since time.Duration) (n int) {
				for _, at := range append(all, one{begun: since}) {
					now := 0
					for _, c := range all {
						if c.function == function && c.begun <= max(at.begun, since) && (c.end < 0 || c.end > max(at.begun, since)) {
							now++
						}
					}
					n = max(n, now)
				}
				return n
			}
			now := time.Since(u.began)
			for i, name := range names {
				got := u.width("shop", ranges[i])
				if least, most := most(name, max(0, now-9*time.Minute)), most(name, max(0, now-10*time.Minute)); got < least || got > most {
					rt.Errorf("%d, want %d to %d: %+v", got, least, most, all)
				}
			}
			both := u.width("shop", stage.Range{First: 1, Last: 2})
			if a, b := u.width("shop", ranges[0]), u.width("shop", ranges[1]); both < max(a, b) || both > a+b {
				rt.Errorf("%d and %d are %d together", a, b, both)
			}
		})
	})
}

// Calls that were refused had no sandbox; functions that are removed have none, and those of others do not count.
func TestWhatDoesNotCount(t *testing.T) {
	u, all := newUsage(), stage.Range{Last: 9}
	f := prefixOf("shop") + "f"
	first, second := u.begin(f), u.begin(f)
	u.end(first, true)
	u.end(second, false)
	if w := u.width("shop", all); w != 1 {
		t.Errorf("%d: the refused one counts", w)
	}
	if w := u.width("shop2", all); w != 0 {
		t.Errorf("%d calls of another", w)
	}
	if n := u.running(""); n != 0 {
		t.Errorf("%d run", n)
	}
	u.forget(f)
	if w := u.width("shop", all); w != 0 {
		t.Errorf("%d: it is no more", w)
	}
}

// Counting a call allocates nothing.
func TestCountingAllocatesNothing(t *testing.T) {
	u, f := newUsage(), prefixOf("shop")+"f"
	u.serves(f, stage.Range{})
	if n := testing.AllocsPerRun(100, func() { u.end(u.begin(f), false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
