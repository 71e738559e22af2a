package watch_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/watch"
)

// half lets half of the requests of the model leave at its first exit.
var half = []exit.Policy{exit.MaxProb(0.5), exit.MaxProb(0.5), exit.Final()}

// reference: 2 of 100 answers are not the last exit's.
var reference = []exit.Tally{{Left: 5000, Agree: 4800}, {Left: 0}, {Left: 5000, Agree: 5000}}

// model says of a request what its exits say. Scores of the first exit are even in [0,1), and it errs the
// more the lower they are; rate of all requests leave there at 0.5 or more and err.
func model(r *rand.Rand, rate float64, seen []watch.Seen) {
	score := r.Float64()
	seen[0] = watch.Seen{Class: 1, Score: score}
	if r.Float64() < 8*rate*(1-score) {
		seen[0].Class = 2
	}
	seen[1] = watch.Seen{Class: 2, Score: 0.1}
	seen[2] = watch.Seen{Class: 1, Score: 1}
}

func config() watch.Config {
	return watch.Config{Rungs: watch.Ladder(half), Reference: reference}
}

func newWatch(t testing.TB, c watch.Config) *watch.Watch {
	t.Helper()
	w, err := watch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// feed lets up to n samples be seen, one a second, until the policies change.
func feed(w *watch.Watch, r *rand.Rand, from time.Duration, n int, rate float64) (used int, changed bool) {
	seen := make([]watch.Seen, 3)
	for used < n {
		used++
		model(r, rate, seen)
		if w.Observe(from+time.Duration(used)*time.Second, seen) {
			return used, true
		}
	}
	return used, false
}

// 200 days of 8,640 samples each: 43 alarms are within the bound where the promise is only just
// kept. At the rate of the reference they are far fewer.
func TestFalseAlarmsAreRareAtTheReference(t *testing.T) {
	w := newWatch(t, config())
	r := rand.New(rand.NewPCG(1, 1))
	alarms := 0
	for n := 0; n < 200*8640; {
		used, changed := feed(w, r, time.Duration(n)*time.Second, 200*8640-n, 0.02)
		n += used
		if changed && w.Rung() == 1 {
			alarms++
		}
	}
	t.Logf("%d alarms in 200 days", alarms)
	if alarms > 4 || w.Rung() != 0 {
		t.Errorf("%d alarms in 200 days, and rung %d at their end", alarms, w.Rung())
	}
}

// At the edge of what was promised, 5 of 100 windows may alarm.
func TestFalseAlarmsStayWithinTheConfidence(t *testing.T) {
	const trials = 1000
	alarms := 0
	for seed := range uint64(trials) {
		if _, changed := feed(newWatch(t, config()), rand.New(rand.NewPCG(seed, 2)), 0, 2000, 0.025); changed {
			alarms++
		}
	}
	t.Logf("%d alarms in %d windows", alarms, trials)
	if alarms > trials/20 {
		t.Errorf("%d alarms in %d windows", alarms, trials)
	}
}

func TestALossIsFound(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		samples int // in the mean, at most
	}{
		{0.035, 3000},  // a point below the promise
		{0.03, 12_000}, // half a point below it
		{0.045, 1200},
		{0.12, 150},
	} {
		var found []int
		early := 0
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 3))
			w := newWatch(t, config())
			if _, changed := feed(w, r, 0, 2000, 0.02); changed {
				early++
				continue
			}
			n, changed := feed(w, r, time.Hour, 50_000, c.rate)
			if !changed || !w.Alarmed() || w.Rung() != 1 || w.Policies()[0] != exit.MaxProb(0.75) {
				t.Fatalf("rung %d after %d samples", w.Rung(), n)
			}
			found = append(found, n)
		}
		slices.Sort(found)
		sum := 0
		for _, n := range found {
			sum += n
		}
		mean := sum / len(found)
		t.Logf("%.1f %% disagree: found after %d samples in the mean, %d in the median, 90 %% within %d", 100*c.rate, mean, found[100], found[180])
		if mean > c.samples || early > 2 {
			t.Errorf("%v: %d samples in the mean, at most %d wanted; %d alarms before the loss", c.rate, mean, c.samples, early)
		}
	}
}

// Nothing that exits early is right: rung by rung, the model comes to run at full depth. When
// agreement is back, so are the exits, one rung in a Rest.
func TestUpTheLadderAndBack(t *testing.T) {
	w := newWatch(t, config())
	seen := []watch.Seen{{Class: 2, Score: 0.95}, {Class: 2, Score: 0.95}, {Class: 1, Score: 1}}
	n := 0
	for ; w.Rung() < 3; n++ {
		if n > 100 {
			t.Fatalf("rung %d after %d wrong answers", w.Rung(), n)
		}
		w.Observe(time.Duration(n)*time.Second, seen)
	}
	want := []exit.Policy{exit.Never(), exit.Never(), exit.Final()}
	if !slices.Equal(w.Policies(), want) || !w.Sampled(0.99) {
		t.Errorf("at full depth: %v", w.Policies())
	}
	now := time.Hour
	r := rand.New(rand.NewPCG(4, 4))
	for rung := 2; rung >= 0; rung-- {
		n, changed := feed(w, r, now, 100_000, 0.02)
		if !changed || w.Rung() != rung {
			t.Fatalf("rung %d after %d samples, want %d", w.Rung(), n, rung)
		}
		if rung < 2 && n < 600 {
			t.Errorf("rung %d after only %d s", rung, n)
		}
		now += time.Duration(n) * time.Second
	}
	if w.Alarmed() {
		t.Error("alarmed at the start")
	}
}

// Half a point beyond the promise, the model comes back from full depth by mistake less than once
// in a million requests, and if it is at it again and again, less and less often.
func TestItStaysUpWhileAgreementIsLow(t *testing.T) {
	back := 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		c := config()
		c.Rungs = c.Rungs[:1]
		w := newWatch(t, c)
		if _, changed := feed(w, r, 0, 10_000, 0.05); !changed || w.Rung() != 1 {
			t.Fatal("not found")
		}
		if _, changed := feed(w, r, 3*time.Hour, 1_000_000, 0.03); changed {
			back++
		}
	}
	if back > 1 {
		t.Errorf("%d of 4 are back", back)
	}
}

func TestItRestsLongerAfterMistakes(t *testing.T) {
	c := config()
	c.Rungs = c.Rungs[:1]
	w := newWatch(t, c)
	r := rand.New(rand.NewPCG(6, 5))
	now := time.Duration(0)
	var waits []time.Duration
	for range 8 { // good at full depth, bad as soon as it is back
		n, _ := feed(w, r, now, 10_000, 0.12)
		now += time.Duration(n) * time.Second
		up := now
		for w.Rung() == 1 {
			n, _ := feed(w, r, now, 100_000, 0.005)
			now += time.Duration(n) * time.Second
		}
		waits = append(waits, now-up)
	}
	if waits[7] < 6*time.Hour || waits[7] > 7*time.Hour || !slices.IsSorted(waits[1:]) {
		t.Errorf("back after %v", waits)
	}
	// A day later that is forgotten.
	now += 24 * time.Hour
	n, _ := feed(w, r, now, 10_000, 0.12)
	now += time.Duration(n) * time.Second
	if n, changed := feed(w, r, now, 100_000, 0.005); !changed || n > 7200 {
		t.Errorf("back after %d s", n)
	}
}

// However long agreement has been good, that does not bring the exits back while it is bad.
func TestGoodTimesAreForgotten(t *testing.T) {
	w := newWatch(t, config())
	r := rand.New(rand.NewPCG(8, 5))
	if _, changed := feed(w, r, 0, 300_000, 0.005); changed {
		t.Fatal("an alarm while all was well")
	}
	for now := 100 * time.Hour; w.Rung() < 2; now += time.Hour {
		if n, changed := feed(w, r, now, 5000, 0.12); changed && w.Rung() == 0 {
			t.Fatalf("back after %d samples", n)
		} else if !changed {
			break // the second rung keeps the promise
		}
	}
	if w.Rung() == 0 {
		t.Error("not found")
	}
}

// With looser rungs than what was promised for, it tunes: down while that keeps the promise, and
// up at once when it does not any more.
func TestTuning(t *testing.T) {
	loose := []exit.Policy{exit.MaxProb(0.4), exit.MaxProb(0.5), exit.Final()}
	reckless := []exit.Policy{exit.MaxProb(0), exit.MaxProb(0.5), exit.Final()}
	c := config()
	c.Rungs, c.Start = append([][]exit.Policy{reckless, loose}, c.Rungs...), 2
	w := newWatch(t, c)
	r := rand.New(rand.NewPCG(6, 6))
	// 1.2 % err at 0.5, so 1.7 % at 0.4 and 4.8 % at 0, where 2.5 % are promised.
	if n, changed := feed(w, r, 0, 50_000, 0.012); !changed || w.Rung() != 1 || w.Alarmed() {
		t.Fatalf("rung %d after %d", w.Rung(), n)
	}
	if n, changed := feed(w, r, 24*time.Hour, 500_000, 0.012); changed {
		t.Fatalf("rung %d after %d", w.Rung(), n)
	}
	if n, changed := feed(w, r, 240*time.Hour, 5000, 0.03); !changed || w.Rung() != 2 {
		t.Fatalf("rung %d after %d samples with 4.3 points lost", w.Rung(), n)
	}
}

// Whatever is seen, steps to looser rungs come one at a time and a Rest apart, and a watch that is
// put away and taken up again does what one does that was never stopped.
func TestTheLadder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config()
		c.Window, c.Bound = 16, rapid.Float64Range(1, 30).Draw(t, "bound")
		a, err := watch.New(c)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := watch.New(c)
		var origin, now, last time.Duration
		for range rapid.IntRange(1, 20).Draw(t, "phases") {
			if rapid.Bool().Draw(t, "restart") {
				text, err := json.Marshal(b.Snapshot(now - origin))
				if err != nil {
					t.Fatal(err)
				}
				var s watch.Snapshot
				if err := json.Unmarshal(text, &s); err != nil {
					t.Fatal(err)
				}
				origin = now
				b, _ = watch.New(c)
				if err := b.Restore(0, s); err != nil {
					t.Fatal(err)
				}
			}
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))
			rate := rapid.Float64Range(0, 0.12).Draw(t, "rate")
			seen := make([]watch.Seen, 3)
			for range rapid.IntRange(0, 2000).Draw(t, "samples") {
				now += time.Duration(r.IntN(10)) * time.Second
				model(r, rate, seen)
				before := a.Rung()
				changed := a.Observe(now, seen)
				if b.Observe(now-origin, seen) != changed || a.Rung() != b.Rung() {
					t.Fatalf("rung %d, after restarts %d", a.Rung(), b.Rung())
				}
				if changed != (a.Rung() != before) || a.Rung() < 0 || a.Rung() > 3 {
					t.Fatalf("from rung %d to %d: %v", before, a.Rung(), changed)
				}
				if a.Rung() < before && (a.Rung() != before-1 || last > 0 && now-last < 10*time.Minute) {
					t.Fatalf("from rung %d to %d, %v after the last step", before, a.Rung(), now-last)
				}
				if changed {
					last = now
				}
			}
			if x, y := a.Snapshot(now), b.Snapshot(now-origin); !reflect.DeepEqual(x, y) {
				t.Fatalf("%+v, after restarts %+v", x, y)
			}
		}
	})
}

func TestReport(t *testing.T) {
	w := newWatch(t, config())
	bad := []watch.Seen{{Class: 1, Score: 0.9}, {Class: 1, Score: 0.9}, {Class: -1}}
	w.Observe(0, bad)
	w.Observe(0, bad[:1])
	if r := w.Report(0); r.All.Left != 0 || r.All.High != 1 || r.Unusable != 2 || r.All.Below {
		t.Errorf("of nothing: %+v", r)
	}
	for i := range 1600 {
		seen := []watch.Seen{{Class: 1, Score: 0.4}, {Class: -1, Score: 0.9}, {Class: 1}}
		if i%2 == 0 { // half leave at the first exit, of which a tenth err, at low scores
			seen[0].Score = 0.9
			if i%20 == 0 {
				seen[0] = watch.Seen{Class: 3, Score: 0.6}
			}
		}
		w.Observe(0, seen)
	}
	r := w.Report(0)
	first := r.Exits[0]
	if first.Left != 800 || first.Agree != 720 || first.Expected != 0.96 || math.Abs(first.Excess-3) > 1e-9 || !first.Below {
		t.Errorf("%+v", first)
	}
	// R: prop.test(720, 800, correct=FALSE)$conf.int
	if math.Abs(first.Low-0.8772) > 1e-4 || math.Abs(first.High-0.9190) > 1e-4 {
		t.Errorf("interval %v to %v", first.Low, first.High)
	}
	if r.All.Left != 1600 || r.All.Agree != 1520 || r.Exits[1].Left != 0 || r.Exits[2].Agree != 800 {
		t.Errorf("a bad row has left, or others: %+v", r)
	}
	if stricter := w.Report(1); stricter.Rung != 1 || stricter.Exits[0].Left != 720 || stricter.All.Agree != 1600 {
		t.Errorf("the stricter rung: %+v", stricter)
	}
	// What is long past is not in it.
	for range 3000 {
		w.Observe(0, []watch.Seen{{Class: 1, Score: 0.9}, {}, {Class: 1}})
	}
	if r := w.Report(99); r.Rung != 2 {
		t.Errorf("full depth reports rung %d", r.Rung)
	}
	if r := w.Report(0); r.All.Agree != r.All.Left || r.All.Left < 1500 || r.All.Left > 2000 {
		t.Errorf("%+v", r.All)
	}
}

func TestSampledIsTheShare(t *testing.T) {
	w := newWatch(t, config())
	for random, want := range map[float64]bool{0: true, 0.0099: true, 0.01: false, 0.5: false} {
		if w.Sampled(random) != want {
			t.Errorf("%v: %v", random, !want)
		}
	}
}

// An exit that is off on some rungs is asked as the others want it.
func TestAsked(t *testing.T) {
	c := config()
	warm := exit.Entropy(0.2).WithTemperature(2)
	c.Rungs = [][]exit.Policy{{exit.Never(), exit.Never(), exit.Final()}, {warm, exit.Never(), exit.Final()}, {warm.Stricter(0.5), exit.Never(), exit.Final()}}
	w := newWatch(t, c)
	if got, want := w.Asked(), c.Rungs[1]; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	d := warm.Decide([]float32{9, 0}, exit.State{})
	if got := watch.Saw(d); got.Class != 0 || !warm.Accepts(got.Score) {
		t.Errorf("%+v of %+v", got, d)
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*watch.Config){
		"no rungs":             func(c *watch.Config) { c.Rungs = nil },
		"start beyond":         func(c *watch.Config) { c.Start = 3 },
		"start before":         func(c *watch.Config) { c.Start = -1 },
		"no reference":         func(c *watch.Config) { c.Reference = nil },
		"empty reference":      func(c *watch.Config) { c.Reference = make([]exit.Tally, 3) },
		"more agree than left": func(c *watch.Config) { c.Reference = []exit.Tally{{Left: 1, Agree: 2}, {}, {}} },
		"all may disagree":     func(c *watch.Config) { c.Reference = []exit.Tally{{Left: 1}, {}, {}} },
		"bound":                func(c *watch.Config) { c.Bound = -1 },
		"share":                func(c *watch.Config) { c.Share = 2 },
		"confidence":           func(c *watch.Config) { c.Confidence = 1 },
		"window":               func(c *watch.Config) { c.Window = 1 },
		"rest":                 func(c *watch.Config) { c.Rest = -1 },
		"no final":             func(c *watch.Config) { c.Rungs[1][2] = exit.Never() },
		"a rung too short":     func(c *watch.Config) { c.Rungs[1] = c.Rungs[1][1:] },
		"another kind":         func(c *watch.Config) { c.Rungs[1][0] = exit.Margin(0.9) },
		"another temperature":  func(c *watch.Config) { c.Rungs[1][0] = c.Rungs[1][0].WithTemperature(2) },
		"an invalid threshold": func(c *watch.Config) { c.Rungs[1][0].Threshold = 2 },
	} {
		c := config()
		spoil(&c)
		if _, err := watch.New(c); !errors.Is(err, watch.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRestoreRefusesWhatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*watch.Snapshot){
		"another promise": func(s *watch.Snapshot) { s.Limit = 0.5 },
		"fewer rungs":     func(s *watch.Snapshot) { s.Rungs = s.Rungs[1:] },
		"other policies":  func(s *watch.Snapshot) { s.Rungs[0].Policies[0].Threshold = 0.1 },
		"rung":            func(s *watch.Snapshot) { s.Rung = 4 },
		"block":           func(s *watch.Snapshot) { s.Block = 99 },
		"NaN":             func(s *watch.Snapshot) { s.Rungs[0].Kept[1] = math.NaN() },
		"window":          func(s *watch.Snapshot) { s.Rungs[0].Window = nil },
		"tally":           func(s *watch.Snapshot) { s.Rungs[0].Window[0][0].Agree = 7 },
	} {
		w := newWatch(t, config())
		s := w.Snapshot(0)
		spoil(&s)
		if err := w.Restore(0, s); !errors.Is(err, watch.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkSampled(b *testing.B) {
	w := newWatch(b, config())
	r := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for range b.N {
		w.Sampled(r.Float64())
	}
}

func BenchmarkObserve(b *testing.B) {
	w := newWatch(b, config())
	seen := []watch.Seen{{Class: 1, Score: 0.4}, {Class: 1, Score: 0.9}, {Class: 1, Score: 1}}
	b.ReportAllocs()
	for range b.N {
		w.Observe(0, seen)
	}
}
