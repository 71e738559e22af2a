package serflow_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/drift"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// traffic is so many seconds of requests, of which so many leave at each stage; their third value
// is as given.
func streamOf(t *testing.T, p *serflow.Pipeline, seconds int, third float32, left ...int) {
	t.Helper()
	var rows []float32
	for k, n := range left {
		for range n {
			rows = append(rows, float32(k), 0, third, 4)
		}
	}
	batch := stage.Float32("x", []int64{int64(len(rows) / 4), 4}, rows)
	for range seconds {
		if _, err := p.InferBatch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	synctest.Wait()
}

// An alarm is in the log, in the stats and at the observer when it begins and when it ends.
func TestDrift(t *testing.T) {
	e := &exitLog{}
	bothWays(t, e.options(serflow.Drift(drift.Config{Reference: []float64{0.5, 0.3, 0.2}, Dispersion: 1})), func(t *testing.T, p *serflow.Pipeline) {
		stats := func() *serflow.DriftStats { return p.Stats().Exits.Drift }
		streamOf(t, p, 600, 3, 5, 3, 2)
		if s := stats(); len(s.Alarms) > 0 || s.Paused || math.Abs(s.Rates[1].Reach-0.5) > 0.01 || math.Abs(s.Rates[1].Exit-0.6) > 0.01 || s.Expected[2] != 0.2 {
			t.Errorf("as expected: %+v", s)
		}
		streamOf(t, p, 300, 3, 3, 5, 2)
		if s := stats(); len(s.Alarms) != 1 || s.Alarms[0].Stage != 1 {
			t.Errorf("a drift: %+v", s)
		}
		list := e.of(serflow.ExitsDrift)
		if len(list) != 1 || list[0].Over || list[0].Stage != "b" || list[0].Expected != 0.5 || math.Abs(list[0].Seen-0.7) > 0.01 {
			t.Errorf("%+v", list)
		}
		e.said(t, "drift: another share", "stage=b", `expected="50.0 %"`, `seen="`)
		streamOf(t, p, 900, 3, 5, 3, 2)
		if list = e.of(serflow.ExitsDrift); len(list) != 1 || !list[0].Over || list[0].Stage != "b" || len(stats().Alarms) > 0 {
			t.Errorf("after it: %+v, %+v", list, stats())
		}
		e.said(t, "drift is over", "stage=b")
	})
}

// Exits that the watch has made stricter change reach, and that is no drift; nor is it one if
// others are set: what reach they make is learned.
func TestDriftOfTheUsualExitsOnly(t *testing.T) {
	e := &exitLog{}
	options := e.options(serflow.Drift(drift.Config{Reference: []float64{0.5, 0.3, 0.2}}), serflow.Watch(promise(1)))
	bothWays(t, options, func(t *testing.T, p *serflow.Pipeline) {
		streamOf(t, p, 60, 3, 5, 3, 2)
		for i := 0; !p.Stats().Exits.Watch.Alarmed; i++ {
			if i == 100 {
				t.Fatalf("%+v", p.Stats().Exits.Watch)
			}
			streamOf(t, p, 1, misleads, 5, 3, 2)
		}
		streamOf(t, p, 600, misleads, 5, 3, 2) // at full depth all leave at the last exit
		s := p.Stats()
		if d := s.Exits.Drift; len(d.Alarms) > 0 || !d.Paused || math.Abs(d.Rates[1].Reach-0.5) > 0.01 || s.Stages[2].Reach < 0.9 {
			t.Errorf("%+v, reach %v", d, s.Stages[2].Reach)
		}
		if err := p.SetExits(exit.Never(), exit.MaxProb(0.9), exit.Final()); err != nil {
			t.Fatal(err)
		}
		streamOf(t, p, 600, 3, 5, 3, 2)
		if d := p.Stats().Exits.Drift; len(d.Alarms) > 0 || d.Expected != nil || d.Rates[1].Reach != 1 {
			t.Errorf("of others: %+v", d)
		}
		if list := e.of(serflow.ExitsDrift); len(list) > 0 {
			t.Errorf("%+v", list)
		}
	})
}

// Nor does it count while the watch has a stricter rung in force that is not full depth.
func TestDriftOnARung(t *testing.T) {
	c := promise(1)
	c.Rungs = [][]exit.Policy{{exit.MaxProb(0.9), exit.MaxProb(0.9), exit.Final()}, {exit.Never(), exit.MaxProb(0.9), exit.Final()}}
	options := []serflow.Option{serflow.Drift(drift.Config{Reference: []float64{0.5, 0.5, 0}, Dispersion: 1}), serflow.Watch(c)}
	bothWays(t, options, func(t *testing.T, p *serflow.Pipeline) {
		streamOf(t, p, 600, misleadsFirst, 5, 5, 0)
		s := p.Stats().Exits
		if s.Watch.Rung != 1 || s.Policies[0] != exit.Never() || !s.Drift.Paused || len(s.Drift.Alarms) > 0 || s.Drift.Rates[1].Reach > 0.6 {
			t.Errorf("%+v, %+v", s.Watch, s.Drift)
		}
	})
}
