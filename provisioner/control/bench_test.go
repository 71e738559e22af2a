package control_test

import (
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// BenchmarkTick is a decision about one group by the default policy, with ten seconds of counts.
func BenchmarkTick(b *testing.B) {
	l, err := control.New(one(0, &policy.CostOptimal{}))
	if err != nil {
		b.Fatal(err)
	}
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	f.Found(0)
	counts := make([]int, 10)
	b.ReportAllocs()
	i := 0
	for now := time.Duration(0); b.Loop(); now += 10 * time.Second {
		for s := range counts {
			i++
			counts[s] = 230 + i*7919%41
		}
		c := estimate.Counts{First: int64(now / time.Second), Each: counts}
		l.Tick(now, f, control.Seen{Wall: now, Counts: []estimate.Counts{c, c}})
	}
}
