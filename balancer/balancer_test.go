package balancer_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/stage"
)

const ms = time.Millisecond

func vm(id uint64, first, last, slots int, service time.Duration) balancer.Member {
	return balancer.Member{ID: id, Stages: stage.Range{First: first, Last: last}, Slots: slots,
		Service: slices.Repeat([]time.Duration{service}, last-first+1)}
}

func function(id uint64, first, last, limit int, service time.Duration) balancer.Member {
	m := vm(id, first, last, limit, service)
	m.Kind = balancer.Function
	return m
}

func with(t testing.TB, generation uint64, members ...balancer.Member) *balancer.Balancer {
	t.Helper()
	b := balancer.New()
	b.Publish(generation)
	for _, m := range members {
		if err := b.Join(m, generation); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// pick is the ID of the member picked; 0 if there is none.
func pick(b *balancer.Balancer, a balancer.Ask) (uint64, balancer.Place) {
	p, err := b.Pick(a)
	if err != nil {
		return 0, p
	}
	return p.ID(), p
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestTheLessLoadedOfTwo(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms), vm(2, 0, 1, 1, 10*ms))
	r := rand.New(rand.NewPCG(1, 2))
	counts := map[uint64]int{}
	for range 100 {
		id, _ := pick(b, balancer.Ask{Generation: 1, Remaining: time.Hour, Random: r.Uint64()})
		counts[id]++
	}
	want(t, "both are asked each time", counts, map[uint64]int{1: 50, 2: 50})
}

func TestExpectedFinish(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 2, 10*ms))
	for i, finish := range []time.Duration{10 * ms, 10 * ms, 15 * ms, 20 * ms} {
		_, p := pick(b, balancer.Ask{Generation: 1, Remaining: time.Hour})
		want(t, fmt.Sprint("request ", i), p.Finish, finish)
	}
}

func TestFunctionWhenTheVMWouldBeLate(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms), function(2, 1, 2, 0, 30*ms))
	ask := balancer.Ask{Stage: 1, Generation: 1, Remaining: 25 * ms}
	var got []uint64
	for range 5 {
		id, _ := pick(b, ask)
		got = append(got, id)
	}
	// The VM finishes in 10, then 20 ms; a third would take 30 there, no later than the function.
	want(t, "while it is no later than the function", got, []uint64{1, 1, 1, 2, 2})
	ask.Stage, ask.Remaining = 0, 30*ms
	id, _ := pick(b, ask)
	want(t, "the function does not have the first stage", id, 1)
	ask.Stage = 2
	id, _ = pick(b, ask)
	want(t, "the VM does not have the last", id, 2)
}

func TestFunctionAtItsLimit(t *testing.T) {
	b := with(t, 1, function(1, 0, 0, 1, 10*ms))
	ask := balancer.Ask{Generation: 1, Remaining: time.Second}
	_, first := pick(b, ask)
	id, _ := pick(b, ask)
	want(t, "full", id, 0)
	b.Done(first, balancer.Report{Entered: 0, Service: 0, Load: 0})
	id, _ = pick(b, ask)
	want(t, "free again", id, 1)
}

func TestAvoid(t *testing.T) {
	ask := balancer.Ask{Generation: 1, Remaining: time.Second, Avoid: balancer.Avoid{1}}
	r := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct {
		members []balancer.Member
		want    uint64
	}{
		"the other VM":      {[]balancer.Member{vm(1, 0, 0, 9, ms), vm(2, 0, 0, 9, 9*ms)}, 2},
		"a function":        {[]balancer.Member{vm(1, 0, 0, 9, ms), function(2, 0, 0, 0, 9*ms)}, 2},
		"the only one":      {[]balancer.Member{vm(1, 0, 0, 9, ms)}, 1},
		"another function":  {[]balancer.Member{function(1, 0, 0, 0, ms), function(2, 0, 0, 0, 9*ms)}, 2},
		"the only function": {[]balancer.Member{function(1, 0, 0, 0, ms)}, 1},
	} {
		b := with(t, 1, c.members...)
		for range 20 {
			ask.Random = r.Uint64()
			id, p := pick(b, ask)
			want(t, name, id, c.want)
			b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: 0})
		}
	}
}

func TestRepliesCorrectTheExpectation(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, 10*ms))
	ask := balancer.Ask{Stage: 1, Generation: 1, Remaining: time.Second}
	for range 100 {
		_, p := pick(b, ask)
		b.Done(p, balancer.Report{Entered: 1, Service: 30 * ms, Load: 0})
	}
	_, p := pick(b, ask)
	if p.Finish < 29*ms || p.Finish > 31*ms {
		t.Errorf("expects %v of a VM that always takes 30ms", p.Finish)
	}
	b.Done(p, balancer.Report{Entered: 7, Service: time.Hour, Load: 0}) // not a stage of its own: nothing to learn from
	if _, again := pick(b, ask); again.Finish != p.Finish {
		t.Errorf("expects %v, before %v", again.Finish, p.Finish)
	}
}

func TestDrainLeaveAndJoinAgain(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, ms))
	ask := balancer.Ask{Generation: 1, Remaining: time.Second}
	_, p := pick(b, ask)
	b.Drain(1)
	b.Drain(1)
	b.Drain(9)
	id, _ := pick(b, ask)
	want(t, "draining", fmt.Sprint(id, " serving ", b.Serving(1)), "0 serving 1")
	if err := b.Join(vm(1, 0, 0, 1, ms), 1); err != nil {
		t.Fatal(err)
	}
	want(t, "back, with its load", b.Serving(1), 1)
	b.Leave(1)
	b.Leave(1)
	b.Done(p, balancer.Report{Entered: 0, Service: ms, Load: 0}) // a late reply
	id, _ = pick(b, ask)
	want(t, "lost", fmt.Sprint(id, " serving ", b.Serving(1)), "0 serving 0")
}

func TestGenerations(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, ms), vm(2, 0, 0, 1, ms))
	for _, m := range []balancer.Member{vm(2, 0, 0, 1, ms), vm(3, 0, 0, 1, ms)} {
		if err := b.Join(m, 2); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for generation, members := range map[uint64][]uint64{1: {1, 2}, 2: {2, 3}, 3: {0}} {
		seen := map[uint64]bool{}
		for range 50 {
			id, p := pick(b, balancer.Ask{Generation: generation, Remaining: time.Second, Random: r.Uint64()})
			seen[id] = true
			if id > 0 {
				b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: 0})
			}
		}
		want(t, fmt.Sprint("generation ", generation), len(seen), len(members))
		for _, id := range members {
			want(t, fmt.Sprint("generation ", generation, " has ", id), seen[id], true)
		}
	}
}

// A request ends on the generation that it began with, which is kept for it.
func TestRetire(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, ms), vm(2, 0, 0, 1, ms))
	retire := func(what string, generation uint64, expected string) {
		t.Helper()
		drained, ok := b.Retire(generation)
		want(t, what, fmt.Sprint(drained, ok), expected)
	}
	old := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	retire("the current one", 1, "[] false")
	for _, m := range []balancer.Member{vm(2, 0, 0, 1, ms), vm(3, 0, 0, 1, ms)} {
		if err := b.Join(m, 2); err != nil {
			t.Fatal(err)
		}
	}
	b.Publish(2)
	b.Publish(2)
	young := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	want(t, "generations", fmt.Sprint(old.Generation(), young.Generation()), "1 2")
	retire("one with a request that has not started", 1, "[] false")
	want(t, "the old one's place", old.Start(0, 0).Place.ID(), 1)
	retire("one with a request on its way", 1, "[] false")
	b.Publish(1) // back to it, before it is retired
	b.Publish(2)
	retire("with the same request", 1, "[] false")
	old.GiveUp(errors.New("gone"))
	old.GiveUp(errors.New("gone"))
	retire("the old one", 1, "[1] true")
	retire("twice", 1, "[] true")
	want(t, "the young one's place", young.Start(0, 0).Place.ID(), 2)
}

// Generations change under requests: none begins in one that has been retired.
func TestRetireUnderRequests(t *testing.T) {
	b := balancer.NewShared(2)
	b.Publish(1)
	if err := b.Join(vm(1, 0, 0, 4, ms), 1); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range uint64(2) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(g, 9))
			for range 2000 {
				q := balancer.NewRequest(b, int(g), balancer.Rules{Stages: 1}, balancer.Never)
				if s := q.Start(0, r.Uint64()); s.Finish {
					t.Errorf("generation %d: %v", q.Generation(), s.Err)
				}
				q.GiveUp(errors.New("gone"))
			}
		})
	}
	for g := uint64(2); g < 200; g++ {
		if err := b.Join(vm(g, 0, 0, 4, ms), g); err != nil {
			t.Fatal(err)
		}
		b.Publish(g)
		for ok := false; !ok; _, ok = b.Retire(g - 1) {
			runtime.Gosched()
		}
	}
	wg.Wait()
	want(t, "left", b.Serving(1), 0)
}

// Times longer than any run do not overflow.
func TestEndlessTimes(t *testing.T) {
	m := vm(1, 0, 0, 1, balancer.Never)
	m.Longest, m.Travel, m.Cold = []time.Duration{balancer.Never}, balancer.Never, balancer.Never
	b := with(t, 0, m)
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	s := r.Start(time.Hour, 0)
	if year := 365 * 24 * time.Hour; s.Place.Finish < year || r.Wake() < year {
		t.Errorf("expected after %v, given up on at %v", s.Place.Finish, r.Wake())
	}
}

// What a VM says of its queue counts the requests of other balancers too.
func TestReportedLoad(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, 10*ms))
	ask := balancer.Ask{Generation: 1, Remaining: time.Second}
	_, p := pick(b, ask)
	b.Done(p, balancer.Report{Entered: 0, Service: 10 * ms, Load: 4})
	_, p = pick(b, ask)
	want(t, "behind four of others", p.Finish, 50*ms)
	b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: -1}) // not known
	_, p = pick(b, ask)
	want(t, "still", p.Finish, 50*ms)
	_, second := pick(b, ask)
	b.Done(p, balancer.Report{Entered: 0, Service: 10 * ms, Load: 1}) // that is ours
	_, p = pick(b, ask)
	want(t, "behind one of our own", p.Finish, 20*ms)
	b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: 0})
	b.Done(second, balancer.Report{Entered: 0, Service: 10 * ms, Load: 0})
}

// Cores that do not wait for each other still share the load evenly: with four requests
// a VM in hand on average, two choices give the fullest 7 to 10, and no choice 14.
func TestCoresShareTheLoad(t *testing.T) {
	for _, cores := range []int{1, 2, 8} {
		b := balancer.NewShared(cores)
		const vms, inHand = 1000, 4000
		for id := range uint64(vms) {
			if err := b.Join(vm(id+1, 0, 0, 1, ms), 0); err != nil {
				t.Fatal(err)
			}
		}
		r := rand.New(rand.NewPCG(7, 8))
		var out []balancer.Place
		for i := range 20 * inHand {
			if len(out) == inHand {
				j := r.IntN(inHand)
				b.Done(out[j], balancer.Report{Entered: 0, Service: ms, Load: 0})
				out[j] = out[inHand-1]
				out = out[:inHand-1]
			}
			_, p := pick(b, balancer.Ask{Remaining: time.Second, Random: r.Uint64(), Core: i - 5}) // any number is right
			out = append(out, p)
		}
		fullest, sum := 0, 0
		for id := range uint64(vms) {
			fullest, sum = max(fullest, b.Serving(id+1)), sum+b.Serving(id+1)
		}
		t.Logf("%d cores: the fullest of %d VMs has %d of %d requests", cores, vms, fullest, sum)
		if sum != inHand || fullest > 10 {
			t.Errorf("%d cores: the fullest VM has %d of %d requests", cores, fullest, sum)
		}
	}
}

// No VM has so many requests that it seems idle.
func TestLoadBeyondCounting(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, 10*ms))
	_, p := pick(b, balancer.Ask{Generation: 1, Remaining: balancer.Never})
	b.Done(p, balancer.Report{Entered: 0, Service: 10 * ms, Load: math.MaxInt})
	for range 3 {
		if _, p = pick(b, balancer.Ask{Generation: 1, Remaining: balancer.Never}); p.Finish < time.Hour {
			t.Errorf("expected after %v", p.Finish)
		}
	}
}

// A member may be described anew: that replaces what was expected of it, in all its
// generations, and keeps what it has in hand.
func TestJoinDescribesAnew(t *testing.T) {
	m := vm(1, 0, 0, 1, 10*ms)
	b := with(t, 1, m)
	ask := balancer.Ask{Generation: 1, Remaining: time.Hour}
	var hand []balancer.Place
	take := func() balancer.Place {
		_, p := pick(b, ask)
		hand = append(hand, p)
		return p
	}
	for range 50 {
		b.Done(take(), balancer.Report{Entered: 0, Service: 20 * ms, Load: 0})
	}
	hand = nil
	take()
	m.Travel = 5 * ms
	join := func() {
		t.Helper()
		if err := b.Join(m, 2); err != nil {
			t.Fatal(err)
		}
	}
	join()
	want(t, "farther away", take().Finish.Round(ms), 45*ms)
	m.Service, m.Longest = []time.Duration{40 * ms}, []time.Duration{50 * ms}
	join()
	want(t, "two are in hand", b.Serving(1), 2)
	want(t, "slower, and third in line", take().Finish, (3*40+5)*ms)
	ask.Generation = 2
	want(t, "in the other generation too", take().Finish, (4*40+5)*ms)
	for _, p := range hand {
		b.Done(p, balancer.Report{Entered: 0, Service: 0, Load: 0})
	}
	want(t, "left in hand", b.Serving(1), 0)
	b.Publish(2)
	patience := func() time.Duration {
		q := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
		q.Start(0, 0)
		defer q.GiveUp(nil)
		return q.Wake()
	}
	want(t, "given up on", patience(), 3*55*ms)
	m.Longest = []time.Duration{60 * ms}
	join()
	want(t, "of a longer tail", patience(), 3*65*ms)
	m.Cold = time.Second
	join()
	want(t, "of a cold start", patience(), time.Second+3*65*ms)
	m.Slots, m.Cold, ask.Now = 2, 0, 0
	join()
	take()
	want(t, "of a free slot more", take().Finish, (40+5)*ms)
}

// Requests that share a batch do not wait for each other.
func TestBatchesAhead(t *testing.T) {
	m := vm(1, 0, 0, 2, 10*ms)
	m.Batch = 4
	for once, expected := range map[float64][]time.Duration{
		1:   {10 * ms, 10 * ms, 10 * ms, 11250 * time.Microsecond, 15 * ms, 20 * ms}, // a batch takes no longer than one
		0.5: {10 * ms, 15 * ms, 25 * ms, 28125 * time.Microsecond, 37500 * time.Microsecond, 50 * ms},
		0:   {10 * ms, 20 * ms, 40 * ms, 45 * ms, 60 * ms, 80 * ms}, // one after the other
	} {
		m.Once = once
		b := with(t, 1, m)
		var finish []time.Duration
		for range 16 {
			_, p := pick(b, balancer.Ask{Generation: 1, Remaining: time.Second})
			finish = append(finish, p.Finish)
		}
		// The first, then two, four, four and a half, six and eight for each of two slots.
		want(t, fmt.Sprintf("%v of the time once a batch", once),
			[]time.Duration{finish[0], finish[3], finish[7], finish[8], finish[11], finish[15]}, expected)
	}
}

func TestJoinRefuses(t *testing.T) {
	b := with(t, 1, vm(1, 0, 1, 1, ms))
	for name, m := range map[string]balancer.Member{
		"no ID":          vm(0, 0, 0, 1, ms),
		"no stages":      {ID: 2, Stages: stage.Range{First: 1, Last: 0}, Slots: 1},
		"negative stage": vm(2, -1, 0, 1, ms),
		"no slots":       vm(2, 0, 0, 0, ms),
		"negative limit": function(2, 0, 0, -1, ms),
		"negative start": {ID: 2, Slots: 1, Service: []time.Duration{1}, Cold: -1},
		"negative warm":  {ID: 2, Slots: 1, Service: []time.Duration{1}, Warm: -1},
		"negative way":   {ID: 2, Slots: 1, Service: []time.Duration{1}, Travel: -1},
		"short longest":  {ID: 2, Slots: 1, Service: []time.Duration{1}, Longest: []time.Duration{}},
		"negative batch": {ID: 2, Slots: 1, Service: []time.Duration{1}, Batch: -1},
		"no time":        vm(2, 0, 0, 1, 0),
		"times missing":  {ID: 2, Slots: 1},
		"another kind":   function(1, 0, 1, 1, ms),
		"other stages":   vm(1, 0, 0, 1, ms),
	} {
		if err := b.Join(m, 1); !errors.Is(err, balancer.ErrMember) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Requests, joins and losses at the same time; run with the race detector.
func TestConcurrentUse(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 4, ms), function(2, 0, 0, 0, ms))
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(g, 0))
			for range 2000 {
				if p, err := b.Pick(balancer.Ask{Generation: 1, Remaining: ms, Random: r.Uint64()}); err == nil {
					b.Done(p, balancer.Report{Entered: 0, Service: ms, Load: 0})
				}
			}
		})
	}
	wg.Go(func() {
		for i := range uint64(200) {
			if err := b.Join(vm(3+i%7, 0, 0, 1, ms), 1); err != nil {
				t.Error(err)
			}
			if err := b.Join(vm(1, 0, 0, 4, ms+time.Duration(i)), 1); err != nil {
				t.Error(err)
			}
			b.Leave(3 + (i+3)%7)
		}
	})
	wg.Wait()
	want(t, "no request is left", b.Serving(1)+b.Serving(2), 0)
}

// BenchmarkHandoff is what it takes the second core to see what the first has written, and
// so what BenchmarkPick on two cores has to be read with: some 25 ns if they share a
// cache, 150 and more if they do not.
func BenchmarkHandoff(b *testing.B) {
	if runtime.GOMAXPROCS(0) < 2 {
		b.Skip("it takes two")
	}
	var line struct {
		_ [64]byte
		n atomic.Int64
		_ [64]byte
	}
	turn := func(first int64) {
		for i := first; i < int64(b.N); i += 2 {
			for line.n.Load() != i {
			}
			line.n.Store(i + 1)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { turn(0) })
	wg.Go(func() { turn(1) })
	wg.Wait()
}

// BenchmarkPick is Pick and Done over so many VMs that are ready; with -cpu 1,2 two
// cores share one balancer.
func BenchmarkPick(b *testing.B) {
	for _, n := range []uint64{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("vms=%d", n), func(b *testing.B) {
			lb := balancer.NewShared(runtime.GOMAXPROCS(0))
			for id := range n {
				if err := lb.Join(vm(id+1, 0, 3, 4, ms), 1); err != nil {
					b.Fatal(err)
				}
			}
			var cores atomic.Uint64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				core := cores.Add(1)
				for pb.Next() {
					p, err := lb.Pick(balancer.Ask{Generation: 1, Remaining: time.Second, Random: rand.Uint64(), Core: int(core)})
					if err != nil {
						b.Error(err)
						return
					}
					lb.Done(p, balancer.Report{Service: ms, Took: ms})
				}
			})
		})
	}
}
