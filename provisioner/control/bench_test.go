package control_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

// four is a loop over four groups, of which each is reached by half of the requests of the one
// before, by tables like a planner's.
func four(b *testing.B, carried policy.Carried) *control.Loop {
	c := control.Config{Policy: &policy.CostOptimal{}, Limits: ample}
	for s := range 4 {
		o := offered(small, 0, 50)
		o.Stages, o.Carried = stage.Range{First: s, Last: s}, carried
		c.Groups = append(c.Groups, control.Group{Offers: []control.Offer{o}})
	}
	l, err := control.New(c)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// table has the size of a planner's, with what Erlang's formula says.
func table(b *testing.B) *planner.Carried {
	t := &planner.Carried{Saturated: 50, Ready: 1, VMs: []int{1, 2, 4, 8, 16, 32}, Loads: []float64{0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.15, 1.5, 2, 3}}
	for _, n := range t.VMs {
		var row []float64
		for _, load := range t.Loads {
			row = append(row, policy.Erlang{Slots: 4, Rate: 12.5}.Share(n, load*float64(n)*50))
		}
		t.Shares = append(t.Shares, row)
	}
	return t
}

// BenchmarkTick is a decision of the default policy in each of 100 pipelines of four groups, with ten
// seconds of counts: ns/op is that of all. MiB is what they hold after an hour.
func BenchmarkTick(b *testing.B) {
	carried := table(b)
	before := held()
	type pipeline struct {
		loop   *control.Loop
		fleet  *provisioner.Fleet
		counts []estimate.Counts
	}
	var all [100]pipeline
	for i := range all {
		p := pipeline{four(b, carried), provisioner.NewFleet("f", ample, provisioner.Patience{}), make([]estimate.Counts, 4)}
		p.fleet.Found(0)
		for s := range p.counts {
			p.counts[s].Each = make([]int, 10)
		}
		all[i] = p
	}
	now, drawn := time.Duration(0), 0
	tick := func() {
		now += 10 * time.Second
		for i, p := range all {
			for second := range 10 {
				drawn++
				n := 2 + 4*i + drawn*7919%41
				for s := range p.counts {
					p.counts[s].First, p.counts[s].Each[second] = int64(now/time.Second)-10, n>>s
				}
			}
			p.loop.Tick(now, p.fleet, control.Seen{Wall: now, Counts: p.counts})
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
	runtime.KeepAlive(&all)
}

func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
