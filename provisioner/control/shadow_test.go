package control_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// By hand: 100 requests a second at $3e-6 on functions for an hour are $1.08. The plan's one VM at $0.10
// carries half of them: $0.64. The policy has two from 10 s on, which serve 90 s later and carry
// all, for $0.20: before that one, and none for its boot.
func TestShadowBill(t *testing.T) {
	n := 2.0
	c := one(1, ordering(&n))
	c.Groups[0].Offers[0].Carried = nil
	l, err := control.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := control.NewShadow(l)
	var lines []string
	for now := time.Duration(0); now <= time.Hour; now += time.Second {
		seen := func() control.Seen {
			counts := estimate.Counts{First: int64(now/time.Second) - 10}
			for range 10 {
				counts.Each = append(counts.Each, 100)
			}
			if now == 0 {
				counts.Each = nil
			}
			return control.Seen{Wall: now, Counts: []estimate.Counts{counts, counts}}
		}
		for _, line := range s.Step(now, seen) {
			lines = append(lines, line.String())
		}
	}
	b := s.Bill()
	for what, x := range map[string][2]float64{
		"seconds": {b.Seconds, 3600}, "requests": {b.Requests, 360000}, "functions alone": {b.Alone, 1.08}, "fixed": {b.Fixed, 0.1 + 0.54},
		"VMs": {b.VMs, 0.2 - 0.1*10/3600}, "functions": {b.Functions, 90*100*3e-6 + 10*50*3e-6},
	} {
		if math.Abs(x[0]-x[1]) > 0.002 {
			t.Errorf("%s: %v, want %v", what, x[0], x[1])
		}
	}
	want(t, "lines", lines, `[stages 1-2: 1 -> 2 VMs of "small": a test, at 0±0 requests per second]`)
	if !strings.Contains(b.String(), "functions alone $1.08") {
		t.Error(b)
	}
}

// With the default policy the shadow is cheaper than both.
func TestShadowRecommends(t *testing.T) {
	l, err := control.New(one(6, &policy.CostOptimal{}))
	if err != nil {
		t.Fatal(err)
	}
	s := control.NewShadow(l)
	w := newWorld(t, 5, func() control.Config { return one(0, nil) }, func(now time.Duration) float64 {
		return 150 + 140*math.Sin(now.Hours()/4*2*math.Pi)
	})
	for w.now = 0; w.now < 8*time.Hour; w.now += time.Second {
		w.count()
		s.Step(w.now, func() control.Seen {
			c := w.counts
			w.counts = estimate.Counts{First: c.First + int64(len(c.Each))}
			return control.Seen{Wall: w.now, Counts: []estimate.Counts{c, c}}
		})
	}
	if b := s.Bill(); b.Total() > 0.8*b.Fixed || b.Total() > 0.5*b.Alone {
		t.Error(b)
	} else {
		t.Log(b)
	}
}
