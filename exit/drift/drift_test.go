package drift_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/exit/drift"
)

var usual = []float64{0.5, 0.3, 0.2}

// source draws exits in runs: a request leaves where the one before it did, but for once in
// run requests, when it draws anew.
type source struct {
	rand   *rand.Rand
	shares []float64
	run    float64
	last   int
}

func newSource(seed uint64, run float64, shares []float64) *source {
	s := &source{rand: rand.New(rand.NewPCG(seed, 0)), shares: shares, run: run}
	s.draw()
	return s
}

func (s *source) draw() {
	u := s.rand.Float64()
	for s.last = 0; s.last < len(s.shares)-1 && u >= s.shares[s.last]; s.last++ {
		u -= s.shares[s.last]
	}
}

func (s *source) next() int {
	if s.rand.Float64()*s.run < 1 {
		s.draw()
	}
	return s.last
}

// serve sends requests at an even rate for a time, until an alarm begins or ends if it is to
// stop at that, and returns when that was and how many requests it took.
func serve(m *drift.Monitor, s *source, from, span time.Duration, rate float64, stop bool) (now time.Duration, n int) {
	step := time.Duration(float64(time.Second) / rate)
	for now = from; now < from+span; now += step {
		n++
		if m.Add(now, s.next(), 1) && stop {
			break
		}
	}
	return now, n
}

func monitor(t testing.TB, c drift.Config) *drift.Monitor {
	t.Helper()
	m, err := drift.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// alarmsOf counts the alarms of days of a steady source, at rates that jump about.
func alarmsOf(t *testing.T, c drift.Config, days int, shares []float64) (alarms int) {
	for seed := range uint64(days / 10) {
		m := monitor(t, c)
		s := newSource(seed, 4, shares)
		for slice := range 10 * 24 * 60 {
			var left [3]int
			for range 1 + s.rand.IntN(60) {
				left[s.next()]++
			}
			for stage, n := range left {
				if m.Add(time.Duration(slice)*time.Minute, stage, n) && len(m.Alarms()) > 0 {
					alarms++
				}
			}
		}
	}
	return alarms
}

// Runs of 4 vary 7 times as much as independent requests. 0.01 alarms a day are 2 in 200 days at
// the edge of the allowance, and far fewer within it, be the reference given or learned.
func TestFalseAlarmsStayWithinTheBound(t *testing.T) {
	within := []float64{0.49, 0.31, 0.2}
	for name, c := range map[string]drift.Config{
		"given":   {Stages: 3, Reference: usual, Slice: time.Minute},
		"learned": {Stages: 3, Slice: time.Minute},
	} {
		if n := alarmsOf(t, c, 200, within); n > 0 {
			t.Errorf("reference %s: %d alarms in 200 days", name, n)
		}
	}
	edge := drift.Config{Stages: 3, Reference: usual, Slice: time.Minute, PerDay: 1, Dispersion: 7}
	if n := alarmsOf(t, edge, 100, []float64{0.48, 0.32, 0.2}); n > 100 {
		t.Errorf("at the edge of the allowance: %d alarms in 100 days, one a day allowed", n)
	}
	// It is the dispersion that keeps them off.
	edge.Dispersion = 1
	if n := alarmsOf(t, edge, 100, []float64{0.48, 0.32, 0.2}); n <= 100 {
		t.Errorf("runs taken for independent requests: %d alarms in 100 days", n)
	}
}

func TestADriftIsFoundNamedAndEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		shares   []float64
		run      float64
		stage    int
		expected float64
		within   int // requests, at 100 a second
	}{
		{"five points at the first exit", []float64{0.45, 0.35, 0.2}, 4, 1, 0.5, 200_000},
		{"five points the other way", []float64{0.55, 0.25, 0.2}, 4, 1, 0.5, 200_000},
		{"five points at the second exit", []float64{0.5, 0.25, 0.25}, 4, 2, 0.2, 200_000},
		{"the first exit is dead", []float64{0, 0.8, 0.2}, 4, 1, 0.5, 4_000},
		{"five points in independent requests", []float64{0.45, 0.35, 0.2}, 1, 1, 0.5, 200_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(3) {
				m := monitor(t, drift.Config{Stages: 3, Reference: usual})
				now, _ := serve(m, newSource(seed, c.run, usual), 0, time.Hour, 100, true)
				if now < time.Hour {
					t.Fatalf("an alarm before the drift, at %v", now)
				}
				now, n := serve(m, newSource(seed+50, c.run, c.shares), now, 2*time.Hour, 100, true)
				t.Logf("found after %d requests", n)
				alarms := m.Alarms()
				if n > c.within || len(alarms) == 0 {
					t.Fatalf("after %d requests: %v", n, alarms)
				}
				truth := 1.0
				for k := range c.stage {
					truth -= c.shares[k]
				}
				a := alarms[0]
				if a.Stage != c.stage || math.Abs(a.Expected-c.expected) > 1e-9 || math.Abs(a.Seen-truth) > 0.03 || a.Since != now {
					t.Errorf("%+v, want stage %d at %v instead of %v", a, c.stage, truth, c.expected)
				}
				// It lasts as long as the drift does, and not for long after it.
				if serve(m, newSource(seed+100, c.run, c.shares), now, 2*time.Hour, 100, false); len(m.Alarms()) == 0 {
					t.Error("the alarm has ended, the drift has not")
				}
				serve(m, newSource(seed+150, c.run, usual), now+2*time.Hour, time.Hour, 100, false)
				if alarms := m.Alarms(); len(alarms) != 0 {
					t.Errorf("an hour after the drift: %+v", alarms)
				}
			}
		})
	}
}

func TestTheReferenceIsLearned(t *testing.T) {
	m := monitor(t, drift.Config{Stages: 3})
	s := newSource(1, 4, usual)
	serve(m, s, 0, 30*time.Minute, 100, false)
	if m.Expected() != nil {
		t.Error("learned from half an hour")
	}
	serve(m, s, 30*time.Minute, time.Hour, 100, false)
	for k, want := range []float64{1, 0.5, 0.2} {
		if got := m.Expected(); got == nil || math.Abs(got[k]-want) > 0.01 {
			t.Fatalf("learned %v", got)
		}
	}
	drifted := newSource(2, 4, []float64{0.3, 0.5, 0.2})
	serve(m, drifted, 90*time.Minute, 30*time.Minute, 100, false)
	if a := m.Alarms(); len(a) != 1 || a[0].Stage != 1 {
		t.Fatalf("%+v", a)
	}
	m.Accept(2 * time.Hour)
	serve(m, drifted, 2*time.Hour, 3*time.Hour, 100, false)
	if got := m.Expected(); got == nil || math.Abs(got[1]-0.7) > 0.01 || len(m.Alarms()) != 0 {
		t.Errorf("expected %v, alarms %+v after the drift was accepted", got, m.Alarms())
	}
}

func TestRates(t *testing.T) {
	m := monitor(t, drift.Config{Stages: 3})
	if got := m.Rates(); !reflect.DeepEqual(got, make([]drift.Rate, 3)) {
		t.Errorf("of nothing: %v", got)
	}
	m.Add(0, 0, 5)
	m.Add(0, 1, 3)
	m.Add(0, 2, 2)
	m.Add(0, 3, 7) // no such stage
	m.Add(0, -1, 7)
	m.Add(0, 0, -7)
	m.Tick(time.Minute)
	for k, want := range []drift.Rate{{1, 0.5}, {0.5, 0.6}, {0.2, 1}} {
		if got := m.Rates()[k]; math.Abs(got.Reach-want.Reach) > 1e-9 || math.Abs(got.Exit-want.Exit) > 1e-9 {
			t.Errorf("stage %d: %+v, want %+v", k, got, want)
		}
	}
	// 10 requests of a Memory ago count for 10/e.
	m.Add(time.Minute, 0, 10)
	m.Tick(11 * time.Minute)
	if got, want := m.Rates()[1].Reach, 5/math.E/(10+10/math.E); math.Abs(got-want) > 1e-9 {
		t.Errorf("reach %v, want %v", got, want)
	}
}

// A monitor that is put away and taken up again, with another origin of time, does what one
// does that was never stopped.
func TestARestartForgetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drift.Config{Stages: 3, Slice: time.Minute, Dispersion: 1, PerDay: 1e3, Allowance: 10}
		if rapid.Bool().Draw(t, "reference given") {
			c.Reference = usual
		}
		a, _ := drift.New(c)
		b, _ := drift.New(c)
		var origin time.Duration
		for slice := range rapid.IntRange(1, 200).Draw(t, "slices") {
			now := time.Duration(slice) * time.Minute
			a.Tick(now)
			b.Tick(now - origin)
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				text, err := json.Marshal(b.Snapshot(now - origin))
				if err != nil {
					t.Fatal(err)
				}
				var s drift.Snapshot
				if err := json.Unmarshal(text, &s); err != nil {
					t.Fatal(err)
				}
				origin = now
				b, _ = drift.New(c)
				if err := b.Restore(0, s); err != nil {
					t.Fatal(err)
				}
				b.Tick(0)
			}
			for k := range 3 {
				n := rapid.IntRange(0, 100).Draw(t, "requests")
				a.Add(now, k, n)
				b.Add(now-origin, k, n)
			}
			if x, y := a.Snapshot(now), b.Snapshot(now-origin); !reflect.DeepEqual(x, y) {
				t.Fatalf("at %v: %+v, after restarts %+v", now, x, y)
			}
		}
	})
}

func TestRestoreRefusesWhatCannotBe(t *testing.T) {
	c := drift.Config{Stages: 3, Reference: usual}
	sound := func() drift.Snapshot { return monitor(t, c).Snapshot(0) }
	for name, break_ := range map[string]func(*drift.Snapshot){
		"other stages":    func(s *drift.Snapshot) { s.Recent = s.Recent[1:] },
		"no tests":        func(s *drift.Snapshot) { s.Tests = nil },
		"no reference":    func(s *drift.Snapshot) { s.Expected = nil },
		"NaN":             func(s *drift.Snapshot) { s.Recent[0] = math.NaN() },
		"negative":        func(s *drift.Snapshot) { s.Learned[0] = -1 },
		"infinite":        func(s *drift.Snapshot) { s.Tests[0].Above.Healing = math.Inf(1) },
		"reach above 1":   func(s *drift.Snapshot) { s.Expected[1] = 2 },
		"more than all":   func(s *drift.Snapshot) { s.Tests[1].Below.Since[0].Reached = 7 },
		"time before all": func(s *drift.Snapshot) { s.Warming = -1 },
	} {
		s := sound()
		break_(&s)
		if err := monitor(t, c).Restore(0, s); !errors.Is(err, drift.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := monitor(t, c).Restore(0, sound()); err != nil {
		t.Error(err)
	}
	other := monitor(t, drift.Config{Stages: 3, Reference: []float64{0.2, 0.2, 0.6}})
	if err := other.Restore(0, sound()); err != nil || math.Abs(other.Expected()[1]-0.8) > 1e-9 {
		t.Errorf("%v: a new reference gave way to an old one: %v", err, other.Expected())
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	for name, c := range map[string]drift.Config{
		"no stages":          {},
		"reference of two":   {Stages: 3, Reference: []float64{0.5, 0.5}},
		"reference of 0.9":   {Stages: 2, Reference: []float64{0.5, 0.4}},
		"reference of NaN":   {Stages: 2, Reference: []float64{math.NaN(), 1}},
		"negative reference": {Stages: 2, Reference: []float64{-1, 2}},
		"allowance":          {Stages: 2, Allowance: -1},
		"dispersion":         {Stages: 2, Dispersion: 0.5},
		"no false alarms":    {Stages: 2, PerDay: -1},
		"memory":             {Stages: 2, Memory: time.Second},
	} {
		if _, err := drift.New(c); !errors.Is(err, drift.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A model of one stage has no reach to drift, and one whose first exit takes all can only lose it.
func TestReachOfNoneAndAll(t *testing.T) {
	one := monitor(t, drift.Config{Stages: 1, Reference: []float64{1}})
	all := monitor(t, drift.Config{Stages: 2, Reference: []float64{1, 0}})
	for i := range 1000 {
		if one.Add(time.Duration(i)*time.Second, 0, 9) || all.Add(time.Duration(i)*time.Second, 0, 9) {
			t.Fatal("an alarm")
		}
	}
	for i := range 100 {
		all.Add(time.Duration(1000+i)*time.Second, 1, 9)
	}
	if a := all.Alarms(); len(a) != 1 || a[0].Seen < 0.99 {
		t.Errorf("%+v", a)
	}
}

func BenchmarkAdd(b *testing.B) {
	m := monitor(b, drift.Config{Stages: 5, Reference: []float64{0.4, 0.3, 0.1, 0.1, 0.1}})
	b.ReportAllocs()
	for i := range b.N {
		m.Add(time.Duration(i)*time.Millisecond, i%5, 1) // a slice every 10,000
	}
}
