package brownout_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
)

func steps(losses ...float64) []brownout.Step {
	var list []brownout.Step
	for i, loss := range losses {
		list = append(list, brownout.Step{Policies: []exit.Policy{exit.MaxProb(0.75 - 0.25*float64(i)), exit.Final()}, Loss: loss})
	}
	return list
}

func newBrownout(t testing.TB, c brownout.Config) *brownout.Brownout {
	t.Helper()
	b, err := brownout.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// charge is what one request was served for.
type charge struct {
	at   time.Duration
	loss float64
}

// Whatever the overload and the traffic: at any time what was given up so far is at most the budget of the
// requests so far, that of any stretch is paid for by it and a period before it, and the
// step does not flap.
func TestTheBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		losses := []float64{rapid.Float64Range(0.01, 2).Draw(t, "loss")}
		losses = append(losses, losses[0]+rapid.Float64Range(0.01, 3).Draw(t, "more"))
		c := brownout.Config{
			Steps: steps(losses...), Budget: rapid.Float64Range(0.01, 3).Draw(t, "budget"),
			Period: 10 * time.Minute, Calm: 20 * time.Second, Settle: 2 * time.Second,
		}
		b, err := brownout.New(c)
		if err != nil {
			t.Fatal(err)
		}
		var now time.Duration
		var all []charge
		changes, step := 0, 0
		take := func() {
			s := b.Take(now)
			loss := 0.0
			if s > 0 {
				loss = losses[s-1]
			}
			all = append(all, charge{now, loss})
		}
		for range rapid.IntRange(1, 8).Draw(t, "phases") {
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			most := rapid.IntRange(0, 5).Draw(t, "rate")
			bad := rapid.Float64Range(0, 1).Draw(t, "overload")
			for range rapid.IntRange(1, 300).Draw(t, "seconds") {
				now += time.Duration(1+r.IntN(3)) * time.Second
				for range r.IntN(most + 1) {
					take()
				}
				overload := 0.0
				if r.Float64() < bad {
					overload = r.Float64()
				}
				before := b.Step()
				if b.Tick(now, overload) != (b.Step() != before) {
					t.Fatal("Tick does not say what it did")
				}
				if b.Step() != step {
					step = b.Step()
					changes++
				}
			}
		}
		for from := range all {
			if from > 0 && from%50 != 0 {
				continue
			}
			given := 0.0
			earned := 0.0
			for _, x := range all[:from] {
				if x.at > all[from].at-c.Period {
					earned += c.Budget
				}
			}
			for _, x := range all[from:] {
				given, earned = given+x.loss, earned+c.Budget
				if given > earned*(1+1e-9) {
					t.Fatalf("%v points given up from %v to %v, %v earned", given, all[from].at, x.at, earned)
				}
			}
		}
		// Each fall comes after a Calm, or has one after it.
		if most := 3 * (2*int(now/c.Calm) + 3); changes > most {
			t.Fatalf("%d changes in %v", changes, now)
		}
	})
}

func TestOffWithoutABudget(t *testing.T) {
	b := newBrownout(t, brownout.Config{Steps: steps(0.1)})
	for i := range 1000 {
		if b.Take(time.Duration(i)*time.Second) != 0 || b.Tick(time.Duration(i)*time.Second, 1) {
			t.Fatal("a step without a budget")
		}
	}
}

// tenASecond serves ten requests a second and ticks, and returns how often the step changed, how
// long the brownout was on, and the points given up for a request in the mean.
func tenASecond(b *brownout.Brownout, losses []float64, from, to time.Duration, overload func(second, step int) float64) (changes int, on time.Duration, mean float64) {
	n := 0
	for now := from; now < to; now += time.Second {
		before := b.Step()
		for range 10 {
			n++
			if s := b.Take(now); s > 0 {
				mean += losses[s-1]
			}
		}
		b.Tick(now, overload(int(now/time.Second), b.Step()))
		if b.Step() != before {
			changes++
		}
		if b.Step() > 0 {
			on += time.Second
		}
	}
	return changes, on, mean / float64(n)
}

func never(int, int) float64 { return 0 }

func TestItStepsInUnderOverloadAndOutAfterIt(t *testing.T) {
	losses := []float64{0.5, 2}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5})
	if changes, _, _ := tenASecond(b, losses, 0, time.Hour, never); changes != 0 || b.Step() != 0 {
		t.Fatal("a step without overload")
	}
	now := time.Hour
	b.Tick(now, 0.01) // not above High
	for i, want := range []int{1, 1, 1, 1, 1, 2, 2} {
		if b.Tick(now+time.Duration(i)*time.Second, 0.05); b.Step() != want {
			t.Fatalf("step %d after %d s of overload, want %d", b.Step(), i, want)
		}
	}
	if got := b.Policies(b.Step()); got[0] != exit.MaxProb(0.5) || b.Policies(0) != nil || b.Policies(3) != nil {
		t.Errorf("policies %v", got)
	}
	now += 10 * time.Second
	for i := range 200 { // between Low and High: it stays
		if b.Tick(now+time.Duration(i)*time.Second, 0.009) {
			t.Fatal("a step without high or low overload")
		}
	}
	now += 200 * time.Second
	for i := range 200 { // what the balancer lets be late by intent is no overload
		b.Tick(now+time.Duration(i)*time.Second, 0.005)
	}
	if now += 200 * time.Second; b.Step() != 0 {
		t.Errorf("step %d, though no more are late than the objective allows", b.Step())
	}
	for i, want := range map[int]int{0: 2, 59: 2, 61: 1, 119: 1, 122: 0} {
		c := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5})
		tenASecond(c, losses, 0, time.Hour, never)
		tenASecond(c, losses, time.Hour, time.Hour+10*time.Second, func(int, int) float64 { return 1 })
		tenASecond(c, losses, time.Hour+10*time.Second, time.Hour+time.Duration(11+i)*time.Second, never)
		if c.Step() != want {
			t.Errorf("step %d after %d s of calm, want %d", c.Step(), i, want)
		}
	}
	if b.Tick(now, math.NaN()) {
		t.Error("a step for no number")
	}
}

// The load is such that it is too much as usual and fits under the first step: the brownout itself ends the
// overload, and would be taken back and needed again every minute.
func TestItDoesNotFlapWhenItHelps(t *testing.T) {
	losses := []float64{0.4, 2}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5})
	tenASecond(b, losses, 0, time.Hour, never)
	changes, on, mean := tenASecond(b, losses, time.Hour, 25*time.Hour, func(_, step int) float64 {
		if step == 0 {
			return 0.2
		}
		return 0
	})
	t.Logf("%d changes in a day, on for %v, %.2f points in the mean", changes, on, mean)
	if changes > 70 || on < 23*time.Hour || mean > 0.5 {
		t.Errorf("%d changes in a day, on for %v, %v points in the mean", changes, on, mean)
	}
}

// The overload does not end and the budget does: it is used to the end, in long parts.
func TestItDoesNotFlapWhenTheBudgetRunsOut(t *testing.T) {
	losses := []float64{1, 2}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5})
	changes, on, mean := tenASecond(b, losses, 0, 24*time.Hour, func(int, int) float64 { return 0.5 })
	t.Logf("%d changes in a day, on for %v, %.3f points in the mean", changes, on, mean)
	if changes > 60 || on < 4*time.Hour || mean > 0.5 || mean < 0.4 {
		t.Errorf("%d changes in a day, on for %v, %v points in the mean", changes, on, mean)
	}
}

// What was saved for more than a period is gone.
func TestWhatIsSavedExpires(t *testing.T) {
	losses := []float64{1}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5, Period: time.Hour})
	tenASecond(b, losses, 0, 30*time.Hour, never)
	if left := b.Left(); left < 0.5*36_000*23/24 || left > 0.5*36_000 {
		t.Errorf("%v points are left of an hour's %v", left, 0.5*36_000)
	}
	b.Tick(40*time.Hour, 0)
	if left := b.Left(); left != 0 {
		t.Errorf("%v points are left after ten hours of nothing", left)
	}
}

// What was earned first is spent first, so that the least is lost of what expires.
func TestTheOldestIsSpentFirst(t *testing.T) {
	losses := []float64{1}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5, Period: time.Hour, Calm: time.Second})
	tenASecond(b, losses, 0, 2*time.Minute, never) // 1,200 requests earn 600 points
	tenASecond(b, losses, 50*time.Minute, 52*time.Minute, never)
	b.Tick(52*time.Minute, 1)
	for b.Left() > 600 {
		b.Take(52 * time.Minute)
	}
	b.Tick(61*time.Minute, 0) // the first two minutes are an hour ago
	if left := b.Left(); left < 599 {
		t.Errorf("%v points are left of 600", left)
	}
}

// Few requests, which come between ticks that see none: a budget that has run out is given time to fill.
func TestItDoesNotFlapWithFewRequests(t *testing.T) {
	b := newBrownout(t, brownout.Config{Steps: steps(1.5), Budget: 1})
	changes, step := 0, 0
	for second := range 3600 {
		now := time.Duration(second) * time.Second
		if second%4 == 0 {
			b.Take(now)
		}
		b.Tick(now, 1)
		if b.Step() != step {
			changes, step = changes+1, b.Step()
		}
	}
	if changes == 0 || changes > 60 {
		t.Errorf("%d changes in an hour", changes)
	}
}

// After trouble that made it wait for an hour of calm, a quiet time makes it quick again.
func TestPatienceIsForgotten(t *testing.T) {
	losses := []float64{0.4}
	b := newBrownout(t, brownout.Config{Steps: steps(losses...), Budget: 0.5})
	tenASecond(b, losses, 0, 12*time.Hour, func(_, step int) float64 { return 0.2 * float64(1-step) })
	tenASecond(b, losses, 12*time.Hour, 20*time.Hour, never)
	_, on, _ := tenASecond(b, losses, 20*time.Hour, 21*time.Hour, func(second, _ int) float64 {
		if second == 20*3600 {
			return 1
		}
		return 0
	})
	if on < 50*time.Second || on > 2*time.Minute {
		t.Errorf("on for %v after a second of overload", on)
	}
}

func TestARestart(t *testing.T) {
	losses := []float64{1}
	c := brownout.Config{Steps: steps(losses...), Budget: 0.5, Period: time.Hour}
	a := newBrownout(t, c)
	tenASecond(a, losses, 0, 90*time.Minute, never)
	text, err := json.Marshal(a.Snapshot(90 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var s brownout.Snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	b := newBrownout(t, c)
	if err := b.Restore(7*time.Minute, s); err != nil {
		t.Fatal(err)
	}
	if left := b.Left(); left > a.Left() || left < a.Left()*22/24 {
		t.Errorf("%v points are left of %v", left, a.Left())
	}
	b.Tick(7*time.Minute+time.Hour, 0)
	if left := b.Left(); left != 0 {
		t.Errorf("%v points are older than a period", left)
	}
	// Slots that begin elsewhere in the new time make nothing last longer.
	c.Steps = nil
	a, b = newBrownout(t, c), newBrownout(t, c)
	a.Skip(0)
	if err := b.Restore(450*time.Second, a.Snapshot(149*time.Second)); err != nil || b.Left() != 0.5 {
		t.Errorf("%v: %v points are left of 0.5", err, b.Left())
	}
	if b.Tick(450*time.Second+time.Hour-148*time.Second, 0); b.Left() != 0 {
		t.Error("more than an hour old, and not gone")
	}
	for name, s := range map[string]brownout.Snapshot{
		"short":    {Earned: []int64{1}},
		"negative": {Earned: append(make([]int64, 23), -1)},
		"overflow": {Earned: append(make([]int64, 22), math.MaxInt64, math.MaxInt64)},
		"calm":     {Earned: make([]int64, 24), Calm: -1},
	} {
		if err := b.Restore(0, s); !errors.Is(err, brownout.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*brownout.Config){
		"budget":        func(c *brownout.Config) { c.Budget = -1 },
		"budget of NaN": func(c *brownout.Config) { c.Budget = math.NaN() },
		"period":        func(c *brownout.Config) { c.Period = -1 },
		"calm":          func(c *brownout.Config) { c.Calm = -1 },
		"low":           func(c *brownout.Config) { c.Low = 0.5 },
		"high":          func(c *brownout.Config) { c.High = 2 },
		"no loss":       func(c *brownout.Config) { c.Steps = steps(0) },
		"milder last":   func(c *brownout.Config) { c.Steps = steps(2, 1) },
		"a bad policy":  func(c *brownout.Config) { c.Steps[0].Policies[0].Threshold = 2 },
	} {
		c := brownout.Config{Steps: steps(0.5, 1), Budget: 1}
		spoil(&c)
		if _, err := brownout.New(c); !errors.Is(err, brownout.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStepsOfAreChargedTheirUpperLimits(t *testing.T) {
	got := brownout.StepsOf([]exit.Point{{Lost: 0.1, LostUpper: 0.4, Policies: []exit.Policy{exit.Final()}}})
	if len(got) != 1 || got[0].Loss != 0.4 || got[0].Policies[0] != exit.Final() {
		t.Errorf("%+v", got)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, budget := range map[string]float64{"usual": 0.5, "brownout": 5} {
		b.Run(name, func(b *testing.B) {
			x := newBrownout(b, brownout.Config{Steps: steps(4), Budget: budget, Calm: time.Second})
			for i := range 1000 {
				x.Skip(time.Duration(i) * time.Millisecond)
			}
			if name == "brownout" {
				for range 100_000 {
					x.Skip(time.Second)
				}
				x.Tick(30*time.Second, 1)
			}
			if (x.Step() > 0) != (name == "brownout") {
				b.Fatal(x.Step())
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				x.Take(30*time.Second + time.Duration(i)*time.Microsecond)
			}
		})
	}
}
