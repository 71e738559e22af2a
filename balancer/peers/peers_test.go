package peers

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/stage"
)

// inHand is how many requests a member has at once: its slots, its bulkhead, and what
// those that count it have been given before they are measured, so that their members
// differ in load as they do in use.
const inHand = 4

// A peer chooses a member for each request. Serve makes one with so many members that
// are ready; what it returns takes one request from the choice of its member to its
// end, false if that failed, and is safe for concurrent use. Core numbers the goroutines that
// ask at once, for a peer that wants to know. The work is nothing, so
// what is left is the peer's own cost, and a call of a func value.
type peer struct {
	name  string
	serve func(tb testing.TB, members int) (request func(core int) bool)
}

var peers = []peer{
	{"floor", floor},
	{"serflow", serflow},
	{"serflow-request", serflowRequest},
	{"grpc-wrr", wrr},
	{"grpc-wrr-no-report", wrrNoReport},
	{"grpc-least-request", leastRequest},
	{"failsafe", failsafeHedged},
}

func BenchmarkRequest(b *testing.B) {
	for _, p := range peers {
		for _, n := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/members=%d", p.name, n), func(b *testing.B) {
				request := p.serve(b, n)
				b.Run("alone", func(b *testing.B) {
					for b.Loop() {
						if !request(0) {
							b.Fatal("failed")
						}
					}
				})
				b.Run("shared", func(b *testing.B) {
					var cores atomic.Int64
					b.RunParallel(func(pb *testing.PB) {
						core := int(cores.Add(1))
						for pb.Next() {
							if !request(core) {
								b.Error("failed")
								return
							}
						}
					})
				})
			})
		}
	}
}

// Run with the race detector.
func TestEveryPeerServesConcurrently(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			request := p.serve(t, 10)
			var wg sync.WaitGroup
			for core := range 4 {
				wg.Go(func() {
					for range 200 {
						if !request(core) {
							t.Error("failed")
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// roundRobin knows neither load nor weight: nothing that picks in turn costs less.
type roundRobin struct {
	next    atomic.Uint64
	members []int
}

func newRoundRobin(members int) *roundRobin {
	r := &roundRobin{members: make([]int, members)}
	for i := range r.members {
		r.members[i] = i
	}
	return r
}

func (r *roundRobin) pick() int {
	return r.members[r.next.Add(1)%uint64(len(r.members))]
}

func floor(_ testing.TB, members int) func(int) bool {
	r := newRoundRobin(members)
	return func(int) bool { return r.pick() < members }
}

func TestFloorTakesTurns(t *testing.T) {
	r := newRoundRobin(10)
	counts := make([]int, 10)
	for range 70 {
		counts[r.pick()]++
	}
	for m, n := range counts {
		if n != 7 {
			t.Errorf("member %d got %d of 70 requests, want 7", m, n)
		}
	}
}

// service is what a whole pass takes on an idle VM.
const service = 4 * time.Millisecond

// fleet has VMs that serve four stages.
func fleet(tb testing.TB, members, cores int) *balancer.Balancer {
	tb.Helper()
	b := balancer.NewShared(cores)
	b.Publish(1)
	for id := range uint64(members) {
		join(tb, b, id+1)
	}
	return b
}

func join(tb testing.TB, b *balancer.Balancer, id uint64) {
	tb.Helper()
	vm := balancer.Member{ID: id, Stages: stage.Range{First: 0, Last: 3}, Slots: inHand,
		Service: []time.Duration{service, service * 3 / 4, service / 2, service / 4}}
	if err := b.Join(vm, 1); err != nil {
		tb.Fatal(err)
	}
}

func ask() balancer.Ask {
	return balancer.Ask{Generation: 1, Remaining: time.Second, Random: rand.Uint64()}
}

// loaded is a fleet with as many requests in hand as it has slots, not evenly spread.
func loaded(tb testing.TB, members, cores int) *balancer.Balancer {
	tb.Helper()
	b := fleet(tb, members, cores)
	for i := range inHand * members {
		a := ask()
		a.Core = i
		if _, err := b.Pick(a); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// serflow is Pick, and Done with a service time and a load to learn from. Drawing the
// random number is counted.
func serflow(tb testing.TB, members int) func(int) bool {
	b := loaded(tb, members, runtime.GOMAXPROCS(0))
	return func(core int) bool {
		a := ask()
		a.Core = core
		p, err := b.Pick(a)
		if err == nil {
			b.Done(p, balancer.Report{Entered: 0, Service: service, Load: 1})
		}
		return err == nil
	}
}

// serflowRequest is the whole request machine: generation, deadline, tries, and when to
// take it elsewhere. It decides what failsafe-go's policies decide, but the goroutine
// and the timer that they start, which the driver of a Request has to start, are not in
// it.
func serflowRequest(tb testing.TB, members int) func(int) bool {
	b := loaded(tb, members, runtime.GOMAXPROCS(0))
	return func(core int) bool { return answered(b, core) }
}

// answered sends one request, which leaves at the first exit.
func answered(b *balancer.Balancer, core int) bool {
	r := balancer.NewRequest(b, core, balancer.Rules{Stages: 4}, time.Second)
	sent := r.Start(0, rand.Uint64())
	reply := balancer.Reply{Outcome: balancer.Exited, Service: service, Load: 1}
	got := r.Reply(service, sent.Attempt, reply, 0)
	return sent.Send && got.Finish && got.Err == nil
}

func TestSerflowTakesTheLessLoaded(t *testing.T) {
	const more = 3 // than the slots, so that requests wait
	b := fleet(t, 1, 1)
	for range inHand + more {
		b.Pick(ask())
	}
	join(t, b, 2)
	for i := range inHand + more {
		p, err := b.Pick(ask())
		if err != nil {
			t.Fatal(err)
		}
		if p.ID() != 2 {
			t.Errorf("request %d of those that the idle VM finishes first went to VM %d", i, p.ID())
		}
	}
}

func TestSerflowKeepsTheLoadLevel(t *testing.T) {
	const members = 1000
	b := loaded(t, members, 1)
	most, sum := inHandOf(b, members)
	// Of one draw each the fullest of 1000 would have about 12; of the better of two, 6.
	if sum != inHand*members || most > 2*inHand {
		t.Errorf("%d requests in hand, %d at the fullest VM", sum, most)
	}
}

func TestSerflowRequestsAreOverWhenAnswered(t *testing.T) {
	const members = 10
	b := fleet(t, members, 1)
	for range 1000 {
		if !answered(b, 0) {
			t.Fatal("no answer")
		}
	}
	if _, sum := inHandOf(b, members); sum != 0 {
		t.Errorf("%d requests are still in hand", sum)
	}
	b.Publish(2)
	if drained, ok := b.Retire(1); !ok || len(drained) != members {
		t.Errorf("their generation cannot be retired: %v, %d drained", ok, len(drained))
	}
}

// inHandOf returns what the fullest VM has in hand, and all of them.
func inHandOf(b *balancer.Balancer, members int) (most, sum int) {
	for id := range uint64(members) {
		n := b.Serving(id + 1)
		most, sum = max(most, n), sum+n
	}
	return most, sum
}
