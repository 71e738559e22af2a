package mock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
)

// Whatever is called and returned in whatever order: no more calls run than the limits
// allow, a call is refused only then, and one is warm if and only if an instance of its
// function has been idle for less than the keep-alive. The model keeps every instance
// apart and looks at them all.
func TestPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const cold = 7
		keepAlive := time.Duration(rapid.IntRange(0, 20).Draw(t, "keep-alive"))
		account := rapid.IntRange(0, 6).Draw(t, "limit of the account")
		offer := provisioner.FunctionOffer{Concurrency: rapid.IntRange(0, 6).Draw(t, "limit of the offer")}
		limit := min(orNone(account), orNone(offer.Concurrency))
		w, err := mock.NewWorld(mock.Config{Cold: mock.Spread{Median: cold}, KeepAlive: keepAlive, Concurrency: account}, source())
		if err != nil {
			t.Fatal(err)
		}
		var now time.Duration
		idle := [3][]time.Duration{} // when they became idle
		counts := [3]mock.Calls{}
		running := 0
		f := rapid.IntRange(0, len(idle)-1)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now += time.Duration(rapid.IntRange(1, 15).Draw(t, "by")) },
			"call": func(t *rapid.T) {
				f := f.Draw(t, "function")
				last := -1 // the instance that became idle last, of those that have not expired
				for i, since := range idle[f] {
					if (keepAlive == 0 || now < since+keepAlive) && (last < 0 || since >= idle[f][last]) {
						last = i
					}
				}
				got, ok := w.Call(now, f, offer)
				switch {
				case running >= limit:
					counts[f].Throttled++
					if ok {
						t.Fatalf("call %d of %d was let through", running+1, limit)
					}
					return
				case !ok:
					t.Fatalf("call %d of %d was refused", running+1, limit)
				case last < 0:
					counts[f].Cold++
					if got != cold {
						t.Fatalf("a cold start of %v", got)
					}
				default:
					counts[f].Warm++
					idle[f] = append(idle[f][:last], idle[f][last+1:]...)
					if got != 0 {
						t.Fatalf("a cold start of %v beside an idle instance", got)
					}
				}
				running++
				counts[f].Running++
			},
			"return": func(t *rapid.T) {
				f := f.Draw(t, "function")
				if counts[f].Running == 0 {
					t.Skip("nothing is running")
				}
				w.Return(now, f)
				running--
				counts[f].Running--
				idle[f] = append(idle[f], now)
			},
			"": func(t *rapid.T) {
				for f := range counts {
					if got := w.Calls(f); got != counts[f] {
						t.Fatalf("function %d: %+v, want %+v", f, got, counts[f])
					}
				}
			},
		})
	})
}

func orNone(limit int) int {
	if limit == 0 {
		return 1 << 30
	}
	return limit
}

// Of two idle instances the one that was used last is used again, so the other expires.
func TestLastInFirstOut(t *testing.T) {
	w := newWorld(t, mock.Config{Cold: mock.Spread{Median: time.Second}, KeepAlive: 10 * time.Minute})
	call := func(now time.Duration) time.Duration {
		cold, _ := w.Call(now, 0, provisioner.FunctionOffer{})
		return cold
	}
	call(0)
	call(0)
	w.Return(time.Minute, 0)
	w.Return(2*time.Minute, 0)
	for now := 3 * time.Minute; now < 12*time.Minute; now += time.Minute {
		if call(now) != 0 {
			t.Fatalf("cold at %v", now)
		}
		w.Return(now, 0)
	}
	if a, b := call(12*time.Minute), call(12*time.Minute); a != 0 || b != time.Second {
		t.Errorf("cold starts of %v and %v: the second instance had to expire at 11 min", a, b)
	}
}

func TestCallsDoNotAllocate(t *testing.T) {
	w := newWorld(t, mock.Config{Cold: mock.Spread{Median: 1e8, P99: 1e9}, KeepAlive: time.Minute, Concurrency: 100})
	now := time.Duration(0)
	round := func() {
		for range 110 {
			now += time.Second
			w.Call(now, 1, provisioner.FunctionOffer{})
		}
		for range 100 {
			w.Return(now, 1)
		}
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
	lonely := func() { // instances that have expired are not kept
		for range 10_000 {
			now += time.Hour
			w.Call(now, 1, provisioner.FunctionOffer{})
			w.Return(now, 1)
		}
	}
	if n := testing.AllocsPerRun(1, lonely); n != 0 {
		t.Errorf("%v allocations of calls that are far apart", n)
	}
}

func BenchmarkCallAndReturn(b *testing.B) {
	w := newWorld(b, mock.Config{Cold: mock.Spread{Median: 1e8, P99: 1e9}, KeepAlive: time.Minute, Concurrency: 100})
	b.ReportAllocs()
	for i := range b.N {
		w.Call(time.Duration(i), 0, provisioner.FunctionOffer{})
		w.Return(time.Duration(i), 0)
	}
}
