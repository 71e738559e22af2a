//go:build !race

package oracle_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// Whatever policy or fixed plan serves a run's requests, it pays more than the bound of those that it
// has answered; and if it meets the SLO, more than the bound of all that come for whoever meets it.
func TestNothingBeatsTheLowerBound(t *testing.T) {
	runs, met, closest := 0, 0, math.Inf(1)
	rapid.Check(t, func(r *rapid.T) {
		w := drawWorld(t, r)
		answered, err1 := oracle.NewDraw(w.Stages, w.SLO)
		all, err2 := oracle.NewDraw(w.Stages, w.SLO)
		if err := errors.Join(err1, err2, w.Requests(all.Add)); err != nil {
			r.Fatal(err)
		}
		w.Observe = func(o simulate.Outcome) {
			if o.Err == nil {
				answered.Add(o.Arrived, o.Exit)
			}
		}
		res, err := simulate.Run(t.Context(), w.Scenario)
		if err != nil {
			r.Fatal(err)
		}
		if all.Requests() != res.Requests || answered.Requests() != res.Answered {
			r.Fatalf("%d requests, %d answered, and the run had %d and %d", all.Requests(), answered.Requests(), res.Requests, res.Answered)
		}
		least, err := oracle.LowerBound(w.ask, answered, w.Running)
		if err != nil {
			r.Fatal(err)
		}
		if least.Total > res.Dollars.Total*(1+1e-9) {
			r.Errorf("%s costs %+v, less than %+v", w.what, res.Dollars, least)
		}
		if least.Total < 0 || least.Met < 0 {
			r.Errorf("a bound of %+v", least)
		}
		if runs++; res.Answered > 1000 {
			closest = min(closest, res.Dollars.Total/least.Total)
		}
		if !res.SLO.Met {
			return
		}
		met++
		if b, err := oracle.LowerBound(w.ask, all, w.Running); err != nil || b.Met > res.Dollars.Total*(1+1e-9) {
			r.Errorf("%s meets the SLO for %+v, less than %+v: %v", w.what, res.Dollars, b, err)
		}
	})
	t.Logf("%d runs, %d met the SLO, and the cheapest cost %.3f times the bound", runs, met, closest)
	if met == 0 {
		t.Errorf("of %d runs none met the SLO: that shows little", runs)
	}
}

// Service times that vary make a run cheaper than its mean only by chance.
func TestLowerBoundOfRandomTimes(t *testing.T) {
	times, err := profile.LogNormal([]time.Duration{10 * ms, 40 * ms}, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	a := twoStages(t)
	a.VMs[0].Times, a.Functions[0].Times, a.VMs[0].Boot = times, times, 0
	s := simulate.Scenario{
		Stages: 2, SLO: 400 * ms, Until: 4 * time.Minute, Running: true,
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: stages(0, 1), Offer: a.VMs[0].Offer, VMs: 5}},
			Functions: []provisioner.FunctionGroup{{Stages: stages(0, 1), Offer: a.Functions[0].Offer}},
		},
		Times:   map[string]profile.Times{"vm": times, "fn": times},
		Traffic: poisson(690, 4*time.Minute), Depths: independent(1, 0.1),
	}
	for seed := range uint64(2) {
		s.Seed = seed
		d, _ := oracle.NewDraw(2, s.SLO)
		if err := s.Requests(d.Add); err != nil {
			t.Fatal(err)
		}
		res, err1 := simulate.Run(t.Context(), s)
		b, err2 := oracle.LowerBound(a, d, true)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		// Of 165,000 requests four standard deviations are 1 %.
		if ratio := res.Dollars.Total / b.Total; ratio < 0.99 || ratio > 1.25 {
			t.Errorf("seed %d: %+v is %v times %+v", seed, res.Dollars, ratio, b)
		}
	}
}
