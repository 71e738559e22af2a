//go:build !race

package planner

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// Scaling policies ask for no more of a table than this.
var _ interface {
	Share(n int, rate float64) float64
} = (*Carried)(nil)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exponential is a trial of one stage of 10 ms in the mean. Rows that have waited for so long leave,
// and what is begun is in time: they are told to have an hour left for a function, of which the balancer thinks
// that it always is in time.
func exponential(slots int, patience time.Duration) *trial {
	means := []time.Duration{10 * time.Millisecond}
	times := must(profile.Exponential(means))
	ever, constant := time.Hour, must(profile.Deterministic(means))
	return &trial{
		goOn: []float64{0}, work: []float64{0.01}, times: times, deadline: ever + patience, soon: ever, queue: 4 * patience, rate: 100 * float64(slots),
		vm:     balancer.Member{Kind: balancer.VM, Slots: slots, Service: means, Longest: []time.Duration{ever}},
		config: queue.Config{Stages: 1, Slots: slots, Need: []time.Duration{ever}},
		calls:  []called{{member: balancer.Member{Kind: balancer.Function, Service: means, Longest: []time.Duration{20 * time.Millisecond}}, times: constant, fee: 1, runs: []float64{0}}},
	}
}

// tryVMs has n VMs at a load. With an hour to the deadline no row is refused at the door.
func tryVMs(t *trial, n int, load float64, rows int) *outcome {
	return t.try(n, load*float64(n)*t.rate, rows, rand.New(rand.NewPCG(3, 4)))
}

// One VM is M/M/c with constant patience: Erlang's loss formula without patience, and Barrer's
// with it. By hand, c = 2 and a load of 2: B = (2^2/2) / (1 + 2 + 2) = 0.4. c = 1, load 1 and
// patience of one service time: lost = 1 / (1 + 1 + 1) = 1/3.
func TestOneVMIsQueueingTheory(t *testing.T) {
	if got := estimate(2, 2, 0, 1); math.Abs(got-0.6) > 1e-12 {
		t.Errorf("Erlang: %v, want 0.6", got)
	}
	if got := estimate(1, 1, 1, 1); math.Abs(got-2.0/3) > 1e-12 {
		t.Errorf("Barrer: %v, want 2/3", got)
	}
	for _, slots := range []int{1, 2, 4} {
		for _, patience := range []float64{0, 0.5, 2, 8} {
			for _, load := range []float64{0.3, 0.7, 1, 1.5} {
				got := tryVMs(exponential(slots, time.Duration(patience*1e7)), 1, load, 20000).carried()
				if want := estimate(slots, load*float64(slots), patience, 1); math.Abs(got-want) > 0.02 {
					t.Errorf("%d slots, patience %v, load %v: %v, want %v", slots, patience, load, got, want)
				}
			}
		}
	}
}

// Sixteen VMs behind a choice of two are no single pool: with little patience they carry 0.1
// less, and what a pool of two VMs would to 0.03.
func TestVMsAreNoPool(t *testing.T) {
	const n, slots = 16, 2
	for _, c := range []struct{ load, patience, pool float64 }{{0.8, 0.5, 0.08}, {0.95, 0.5, 0.1}, {0.95, 2, 0.04}, {0.7, 8, 0}} {
		got := tryVMs(exponential(slots, time.Duration(c.patience*1e7)), n, c.load, 20000).carried()
		pool := estimate(n*slots, c.load*n*slots, c.patience, 1)
		two := estimate(2*slots, c.load*2*slots, c.patience, 1)
		t.Logf("load %v, patience %v: %.3f, one pool %.3f, two VMs %.3f", c.load, c.patience, got, pool, two)
		if pool-got < c.pool-0.005 || math.Abs(got-two) > 0.03 {
			t.Errorf("load %v, patience %v: %v, one pool %v, two VMs %v", c.load, c.patience, got, pool, two)
		}
	}
}

// Between entries a table is linear in what is carried: half-way from 0.5 to 0.7 of load 0.6.
func TestShareOfATable(t *testing.T) {
	c := &Carried{Saturated: 100, Ready: 1, VMs: []int{1, 2}, Loads: []float64{0.5, 1, 2}, Shares: [][]float64{{1, 0.8, 0.5}, {1, 0.9, 0.5}}}
	for _, x := range []struct {
		n    int
		rate float64
		want float64
	}{
		{0, 10, 0}, {1, 0, 1}, {1, 10, 1}, {1, 100, 0.8}, {1, 150, (0.8 + 1) / 2 / 1.5}, {1, 400, 0.25},
		{2, 200, 0.9}, {3, 300, 0.9}, {2, 100, 1}, {-1, 5, 0}, {1, math.NaN(), 1},
	} {
		if got := c.Share(x.n, x.rate); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("%d VMs at %v: %v, want %v", x.n, x.rate, got, x.want)
		}
	}
	if (&Carried{}).Share(3, 10) != 0 {
		t.Error("an empty table carries nothing")
	}
}

// The same seed gives the same tables; another gives others, by chance.
func TestTablesFollowTheSeed(t *testing.T) {
	a := tryVMs(exponential(2, 1e7), 4, 0.9, 3000)
	if b := tryVMs(exponential(2, 1e7), 4, 0.9, 3000); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v and %+v", a, b)
	}
	other := exponential(2, 1e7).try(4, 0.9*4*200, 3000, rand.New(rand.NewPCG(5, 6)))
	if reflect.DeepEqual(a, other) || math.Abs(other.carried()-a.carried()) > 0.04 {
		t.Errorf("%+v and %+v", a, other)
	}
}
