package policy_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

// A tick of 100 pipelines of 4 groups with 10 seconds of counts each. B/op is what a tick
// allocates; MiB is what all policies hold after an hour.
func BenchmarkTick(b *testing.B) {
	table, err := policy.Tabulate(policy.Erlang{Slots: 4, Rate: 5}, []int{1, 2, 4, 8, 16}, []float64{2, 5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40})
	if err != nil {
		b.Fatal(err)
	}
	for name, create := range map[string]func() policy.Policy{
		"CostOptimal": func() policy.Policy { return &policy.CostOptimal{} }, "Serflow": func() policy.Policy { return &policy.Serflow{} },
		"Libra": func() policy.Policy { return &policy.Libra{} }, "KnativeLike": func() policy.Policy { return &policy.KnativeLike{} },
	} {
		b.Run(name, func(b *testing.B) {
			before := held()
			var pipelines [100]pipeline
			for i := range pipelines {
				pipelines[i] = newPipeline(create(), table, float64(1+4*i))
			}
			now := time.Duration(0)
			tick := func() {
				now += 10 * time.Second
				for i := range pipelines {
					pipelines[i].tick(now)
				}
			}
			for now < time.Hour {
				tick()
			}
			b.ReportAllocs()
			for b.Loop() {
				tick()
			}
			b.ReportMetric(float64(held()-before)/(1<<20), "MiB")
			runtime.KeepAlive(&pipelines)
		})
	}
}

func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// pipeline is 4 groups, of which each is reached by half of the requests of the one before.
type pipeline struct {
	policy policy.Policy
	seen   policy.Observation
	drawn  [16][]int // a tick's counts at the first group
	ticks  int
}

func newPipeline(p policy.Policy, carried policy.Carried, rate float64) pipeline {
	r := rand.New(rand.NewPCG(9, uint64(rate)))
	l := pipeline{policy: p}
	for k := range 4 {
		l.seen.Groups = append(l.seen.Groups, group(func(g *policy.Group) {
			g.Stages, g.Reach, g.Carried = stage.Range{First: k, Last: k}, 1/float64(int(1)<<k), carried
			g.Counts.Each = make([]int, 10)
		}))
	}
	for i := range l.drawn {
		l.drawn[i] = poisson(r, rate, 10)
	}
	return l
}

func (l *pipeline) tick(now time.Duration) {
	first, all := int64(now/time.Second)-10, l.drawn[l.ticks%len(l.drawn)]
	l.seen.Arrivals = estimate.Counts{First: first, Each: all}
	l.ticks++
	for k := range l.seen.Groups {
		l.seen.Groups[k].Counts.First = first
		for s, x := range all {
			l.seen.Groups[k].Counts.Each[s] = x >> k
		}
	}
	d := l.policy.Decide(now, l.seen)
	for k := range d.Groups {
		l.seen.Groups[k].Ready = int(d.Groups[k].VMs)
	}
}
