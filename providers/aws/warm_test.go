package aws_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/stage"
)

const width = 20 // calls at once, in these tests

// gate is a function that answers when as many calls wait in it as it is told.
type gate struct {
	mu   sync.Mutex
	size int
	in   []chan struct{}
}

func (g *gate) of(size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = size
}

func (g *gate) call(payload []byte) ([]byte, error) {
	ours := make(chan struct{})
	g.mu.Lock()
	if g.in = append(g.in, ours); len(g.in) == g.size {
		for _, c := range g.in {
			close(c)
		}
		g.in = nil
	}
	g.mu.Unlock()
	select {
	case <-ours:
		return payload, nil
	case <-time.After(10 * time.Second):
		return nil, errors.New("fewer calls at once than the gate is for")
	}
}

// together calls a function at once. Colds counts the calls that waited for a sandbox, by the cloud's own count.
func together(t *testing.T, cloud *fakeaws.Cloud, l *aws.Lambda, id string) (colds int) {
	t.Helper()
	before := cloud.Started(id)
	inFlight(t, l, id, width)()
	for version, n := range cloud.Started(id) {
		colds += n - before[version]
	}
	return colds
}

// inFlight has calls of a function run, and returns what waits for their answers.
func inFlight(t *testing.T, l *aws.Lambda, id string, n int) (wait func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := l.Invoke(t.Context(), id, []byte("abc")); err != nil {
				t.Error(err)
			}
		})
	}
	return all.Wait
}

// when does something in a bubble once so many calls have begun.
func when(cloud *fakeaws.Cloud, calls int, do func()) {
	go func() {
		for end := time.Now().Add(time.Minute); cloud.Calls()[invocation] < calls && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		do()
	}()
}

// replans are what changes between one plan and the next.
var replans = map[string]func(cloud *fakeaws.Cloud, s providers.FunctionSpec) providers.FunctionSpec{
	"code": func(cloud *fakeaws.Cloud, s providers.FunctionSpec) providers.FunctionSpec {
		cloud.Put("bucket/worker.zip", []byte("two"))
		return s
	},
	"memory": func(_ *fakeaws.Cloud, s providers.FunctionSpec) providers.FunctionSpec {
		s.Offer = aws.Sizes()[1]
		return s
	},
	"stages": func(_ *fakeaws.Cloud, s providers.FunctionSpec) providers.FunctionSpec {
		s.Stages = stage.Range{Last: s.Stages.First}
		return s
	},
}

// After a re-plan as many calls at once as before it find a sandbox each, over connections of a network. A process
// that has just begun has seen no calls: one sandbox is warm then, as without all this, and the others are cold.
func TestAReplanMeetsNoColdStarts(t *testing.T) {
	for what, change := range replans {
		for _, restarted := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				g := &gate{size: 1}
				cloud := fakeaws.New(fakeaws.Options{Region: region, Function: g.call})
				server := httptest.NewServer(cloud)
				defer server.Close()
				o := functionOptions(cloud)
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				o.Config.BaseEndpoint, o.Config.HTTPClient = sdk.String(server.URL), &http.Client{Transport: transport}
				l := aws.Functions(o)
				s := specOf(l, t)
				id := ensured(t, l, s)
				g.of(width)
				if colds := together(t, cloud, l, id); colds != width {
					t.Fatalf("%d cold starts before the re-plan: the gate does not hold", colds)
				}
				want := 0
				if restarted {
					g.of(1)
					l, want = aws.Functions(o), width-1
					if what != "code" { // then there is nothing to replace, and nothing is called
						want = width
					}
				}
				id = ensured(t, l, change(cloud, s))
				g.of(width)
				if colds := together(t, cloud, l, id); colds != want {
					t.Errorf("restarted: %v; %d cold starts after the re-plan, want %d; sandboxes started: %v", restarted, colds, want, cloud.Started(id))
				}
			})
		}
	}
}

// load is a busy service: clients that call one after another, and what became of that.
type load struct {
	id      atomic.Value // of the function that is called
	colds   atomic.Int64
	dollars atomic.Value
	stop    chan struct{}
	all     sync.WaitGroup
}

// under puts a function under load, and returns when all clients have had an answer.
func under(t *testing.T, l *aws.Lambda, s providers.FunctionSpec, id string) *load {
	x := &load{stop: make(chan struct{})}
	x.id.Store(id)
	x.dollars.Store(0.0)
	var mu sync.Mutex
	for range width {
		x.all.Go(func() {
			for {
				inv, err := l.Invoke(t.Context(), x.id.Load().(string), []byte("abc"))
				if err != nil {
					t.Error(err)
					return
				}
				if inv.Cold > 0 {
					x.colds.Add(1)
				}
				mu.Lock()
				x.dollars.Store(x.dollars.Load().(float64) + s.Offer.Cost(inv.Billed))
				mu.Unlock()
				select {
				case <-x.stop:
					return
				case <-t.Context().Done(): // the test has failed
					return
				default:
				}
			}
		})
	}
	time.Sleep(time.Second)
	return x
}

// end waits for the clients and counts the cold starts that they have met.
func (x *load) end() int {
	close(x.stop)
	x.all.Wait()
	return int(x.colds.Load())
}

// A re-plan under load meets no cold start and fails no call, and what Ensure has called is on the bill that
// it reports.
func TestAReplanUnderLoad(t *testing.T) {
	for what, change := range replans {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := fakeaws.New(fakeaws.Options{Region: region, Init: 250 * time.Millisecond, Creating: 3 * time.Second, Function: func(payload []byte) ([]byte, error) {
					time.Sleep(100 * time.Millisecond)
					return payload, nil
				}})
				l := aws.Functions(functionOptions(cloud))
				s := specOf(l, t)
				id := ensured(t, l, s)
				x := under(t, l, s, id)
				next := change(cloud, s)
				fn, err := l.Ensure(t.Context(), next)
				if err != nil {
					t.Fatal(err)
				}
				x.id.Store(fn.ID)
				time.Sleep(time.Second)
				if colds := x.end(); colds != width {
					t.Errorf("%d cold starts, want those of the beginning; sandboxes started: %v", colds, cloud.Started(fn.ID))
				}
				w := fn.Warmed
				if w.Wanted != width || w.Started != width || w.Calls != width || w.Throttled != 0 {
					t.Errorf("%+v", w)
				}
				if cost := next.Offer.Cost(350 * time.Millisecond); math.Abs(w.Dollars-width*cost) > 1e-12 {
					t.Errorf("%v dollars, want %v", w.Dollars, width*cost)
				}
				if sum, bill := w.Dollars+x.dollars.Load().(float64), cloud.FunctionDollars(); next.Offer == s.Offer && math.Abs(sum/bill-1) > 1e-9 {
					t.Errorf("%v dollars are counted, %v billed", sum, bill)
				}
			})
		})
	}
}

// long is a Lambda whose calls take a minute, of which so many may run at once in the account.
func long(calls int) *fakeaws.Cloud {
	return fakeaws.New(fakeaws.Options{Region: region, Calls: calls, Init: time.Second, Function: func(payload []byte) ([]byte, error) {
		if string(payload) != `""` { // Ensure's are short
			time.Sleep(time.Minute)
		}
		return payload, nil
	}})
}

// busy has calls run for a minute.
func busy(t *testing.T, l *aws.Lambda, id string, n int) (wait func()) {
	wait = inFlight(t, l, id, n)
	time.Sleep(2 * time.Second)
	return wait
}

// Where the account has room for fewer calls than are to be warm, by a limit that no offer states, fewer are
// warm: the plan goes on, and says so.
func TestFewerAreWarmWhereLambdaThrottles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := long(width + 5)
		l := aws.Functions(functionOptions(cloud))
		s := specOf(l, t)
		wait := busy(t, l, ensured(t, l, s), width)
		fn, err := l.Ensure(t.Context(), replans["memory"](cloud, s))
		if w := fn.Warmed; err != nil || w.Wanted != width || w.Started != 5 || w.Throttled == 0 || cloud.Live(fn.ID) != "1" {
			t.Errorf("%+v, %v", w, err)
		}
		wait()
	})
}

// A limit that an offer states is kept to: the calls that run now have the rest, and none of them is throttled.
func TestWarmingLeavesRoomForCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := long(width + 5)
		o := functionOptions(cloud)
		o.Sold = aws.Sizes()[:2]
		for i := range o.Sold {
			o.Sold[i].Concurrency = width + 5
		}
		l := aws.Functions(o)
		s := specOf(l, t)
		wait := busy(t, l, ensured(t, l, s), width)
		s.Offer = o.Sold[1]
		fn, err := l.Ensure(t.Context(), s)
		if w := fn.Warmed; err != nil || w.Wanted != 5 || w.Started != 5 || w.Throttled != 0 {
			t.Errorf("%+v, %v", w, err)
		}
		wait()
	})
}

// What is reserved for a function is its own: another one gets as many warm as are reserved for it, and new code
// of the same one what its calls leave.
func TestReservedBelowTheWidth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := long(0)
		o := functionOptions(cloud)
		o.Reserved = 12
		l := aws.Functions(o)
		first, second := specOf(l, t), specOf(l, t)
		first.Stages, second.Stages = stage.Range{Last: 1}, stage.Range{First: 2, Last: 3}
		a, b := ensured(t, l, first), ensured(t, l, second)
		waitA, waitB := busy(t, l, a, 10), busy(t, l, b, 9)
		whole := first
		whole.Stages.Last = 3
		fn, err := l.Ensure(t.Context(), whole)
		if w := fn.Warmed; err != nil || w.Wanted != 12 || w.Started != 12 || w.Throttled != 0 {
			t.Errorf("another function, for 19 calls at once: %+v, %v", w, err)
		}
		cloud.Put("bucket/worker.zip", []byte("two"))
		fn, err = l.Ensure(t.Context(), first)
		if w := fn.Warmed; err != nil || w.Wanted != 2 || w.Started != 2 || w.Throttled != 0 || cloud.Live(a) != "2" {
			t.Errorf("new code, beside 10 calls: %+v, %v", w, err)
		}
		waitA()
		waitB()
	})
}

// How long throttling is borne: it costs no sandbox if it passes; a function that is new is made, warm or not;
// an alias stays where it is until the new code has answered, and after a minute it is the service that is told.
func TestWarmingIsThrottled(t *testing.T) {
	always := []fakeaws.Fault{fakeaws.Throttled}
	for what, c := range map[string]struct {
		faults  []fakeaws.Fault
		mended  time.Duration // after so long; 0 for never
		replan  string
		want    error
		started int
		live    string
	}{
		"some calls":                    {faults: append(slices.Repeat(always, 7), ""), replan: "code", started: width, live: "2"},
		"some calls of a new one":       {faults: append(slices.Repeat(always, 7), ""), replan: "stages", started: width, live: "1"},
		"for ever, and new":             {faults: always, replan: "stages", live: "1"},
		"for half a minute":             {faults: always, mended: 30 * time.Second, replan: "code", started: 1, live: "2"},
		"for ever, and there is an old": {faults: always, replan: "code", want: providers.ErrThrottled, live: "1"},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				l := aws.Functions(functionOptions(cloud))
				s := specOf(l, t)
				together(t, cloud, l, ensured(t, l, s))
				cloud.Fail(invocation, c.faults...)
				before := cloud.Calls()[invocation]
				if c.mended > 0 {
					when(cloud, before+1, func() {
						time.Sleep(c.mended)
						cloud.Fail(invocation)
					})
				}
				next := replans[c.replan](cloud, s)
				fn, err := l.Ensure(t.Context(), next)
				if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if w := fn.Warmed; w.Wanted != width || w.Started != c.started || w.Throttled == 0 {
					t.Errorf("%+v, want %d started", w, c.started)
				}
				list, _ := l.List(t.Context(), "shop")
				if live := cloud.Live(list[len(list)-1].ID); live != c.live {
					t.Errorf("version %q is live, want %q", live, c.live)
				}
				if calls := cloud.Calls()[invocation] - before; calls > 10*width {
					t.Errorf("%d calls are no back-off", calls)
				}
			})
		})
	}
}

// A service that waits no more leaves the alias where it is, and nothing that its owner does not list. Whoever asks
// again goes on.
func TestWarmingIsGivenUp(t *testing.T) {
	for what, change := range replans {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				l := aws.Functions(functionOptions(cloud))
				s := specOf(l, t)
				id := ensured(t, l, s)
				together(t, cloud, l, id)
				next := change(cloud, s)
				ctx, cancel := context.WithCancel(t.Context())
				when(cloud, cloud.Calls()[invocation]+width, cancel) // while sandboxes initialise
				_, err := l.Ensure(ctx, next)
				isError(t, err, context.Canceled)
				time.Sleep(time.Second)
				if _, err := l.Invoke(t.Context(), id, []byte("abc")); err != nil || cloud.Live(id) != "1" {
					t.Errorf("version %s is live: %v", cloud.Live(id), err)
				}
				list, err := l.List(t.Context(), "shop")
				if err != nil || len(list) != cloud.Functions() {
					t.Errorf("%v, %v of %d functions", list, err, cloud.Functions())
				}
				now := ensured(t, l, next)
				if colds := together(t, cloud, l, now); colds != 0 {
					t.Errorf("%d cold starts", colds)
				}
			})
		})
	}
}

// A service that is killed when all is warm, and the alias has not moved: its successor has it move, and meets
// what is warm.
func TestKilledBetweenWarmAndLive(t *testing.T) {
	for what, change := range replans {
		action := "lambda:CreateAlias"
		if what == "code" {
			action = "lambda:UpdateAlias"
		}
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				o := functionOptions(cloud)
				l := aws.Functions(o)
				s := specOf(l, t)
				id := ensured(t, l, s)
				together(t, cloud, l, id)
				next := change(cloud, s)
				cloud.Fail(action, fakeaws.Denied)
				fn, err := l.Ensure(t.Context(), next)
				isError(t, err, providers.ErrInvalid, "allow "+action)
				if fn.Warmed.Started != width || fn.Warmed.Dollars == 0 || cloud.Live(id) != "1" {
					t.Errorf("%+v; version %s is live", fn.Warmed, cloud.Live(id))
				}
				cloud.Fail(action)
				successor := aws.Functions(o)
				now := ensured(t, successor, next)
				if colds := together(t, cloud, successor, now); colds != 0 {
					t.Errorf("%d cold starts; sandboxes started: %v", colds, cloud.Started(now))
				}
			})
		})
	}
}

// Code that cannot start is found out before requests are sent to a function that replaces another.
func TestAReplanThatCannotStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		s := specOf(l, t)
		id := ensured(t, l, s)
		together(t, cloud, l, id)
		cloud.Fail(invocation, fakeaws.InitFailed)
		fn, err := l.Ensure(t.Context(), replans["memory"](cloud, s))
		isError(t, err, providers.ErrFunction, "exit status 1")
		if fn.Warmed.Calls != width || fn.Warmed.Started != 0 || fn.Warmed.Dollars == 0 {
			t.Errorf("%+v", fn.Warmed)
		}
		if list, err := l.List(t.Context(), "shop"); err != nil || len(list) != 2 || cloud.Live(list[1].ID) != "" {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// What nobody has called for ten minutes, what is removed and what serves other stages is not replaced.
func TestWhatIsNotReplaced(t *testing.T) {
	for what, c := range map[string]struct {
		before func(t *testing.T, l *aws.Lambda, id string)
		stages stage.Range
		wanted int
	}{
		"called just now":         {func(*testing.T, *aws.Lambda, string) {}, stage.Range{First: 2, Last: 5}, width},
		"called nine minutes ago": {func(*testing.T, *aws.Lambda, string) { time.Sleep(9*time.Minute - time.Second) }, stage.Range{First: 2, Last: 5}, width},
		"called ten minutes ago":  {func(*testing.T, *aws.Lambda, string) { time.Sleep(10 * time.Minute) }, stage.Range{First: 2, Last: 5}, 0},
		"removed": {func(t *testing.T, l *aws.Lambda, id string) {
			if err := l.Remove(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, stage.Range{First: 2, Last: 5}, 0},
		"of other stages": {func(*testing.T, *aws.Lambda, string) {}, stage.Range{First: 3, Last: 5}, 0},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				l := aws.Functions(functionOptions(cloud))
				s := specOf(l, t)
				id := ensured(t, l, s)
				together(t, cloud, l, id)
				c.before(t, l, id)
				s.Stages = c.stages
				fn, err := l.Ensure(t.Context(), s)
				if err != nil || fn.Warmed.Wanted != c.wanted || fn.Warmed.Calls != c.wanted {
					t.Errorf("%+v, %v; want %d", fn.Warmed, err, c.wanted)
				}
			})
		})
	}
}
