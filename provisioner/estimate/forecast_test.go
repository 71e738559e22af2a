package estimate_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

const boot = 2 * time.Minute

// feed hands counts over in ticks of 10 s.
func feed(f *estimate.Forecast, first int64, counts []int) {
	for tick := range slices.Chunk(counts, 10) {
		f.Observe(estimate.Counts{First: first, Each: tick}, boot)
		first += int64(len(tick))
	}
}

// poisson draws so many seconds of traffic at a constant rate.
func poisson(r *rand.Rand, rate float64, seconds int) (counts []int) {
	for range seconds {
		n := 0
		for t := r.ExpFloat64(); t < rate; t += r.ExpFloat64() {
			n++
		}
		counts = append(counts, n)
	}
	return counts
}

func TestForecastOfSteadyTraffic(t *testing.T) {
	for _, rate := range []float64{0.5, 5, 50, 500} {
		var f estimate.Forecast
		feed(&f, 0, poisson(rand.New(rand.NewPCG(1, 2)), rate, 4*3600))
		for name, got := range map[string]estimate.Rates{"soon": f.Soon(), "later": f.Later()} {
			if mean := got.Mean(); math.Abs(mean/rate-1) > 0.15 {
				t.Errorf("rate %v, %s: mean %v", rate, name, mean)
			}
			if dev := got.Deviation() / rate; dev > 0.2 {
				t.Errorf("rate %v, %s: a deviation of %v of the rate, want little more than a block's noise", rate, name, dev)
			}
		}
	}
}

func TestForecastBeforeAnythingIsKnown(t *testing.T) {
	var f estimate.Forecast
	f.Observe(estimate.Counts{}, boot)
	if f.Ready() || f.Later().Mean() != 0 {
		t.Errorf("without counts: ready %v, %v", f.Ready(), f.Later())
	}
	// The first guess is 0.8, 1, 1 and 1.2 times what has been seen: a quarter of 16 rates each.
	f.Observe(estimate.Counts{Each: []int{40, 50}}, boot)
	want := slices.Concat(slices.Repeat([]float64{36}, 4), slices.Repeat([]float64{45}, 8), slices.Repeat([]float64{54}, 4))
	got := f.Later()
	for i := range want {
		if !near(got[i], want[i]) {
			t.Fatalf("first guess %v, want %v", got, want)
		}
	}
}

// Bursts to four times the rate come once an hour. How many of a burst's blocks are followed
// by another one a boot later is to be learned.
func TestForecastLearnsWhetherBurstsLast(t *testing.T) {
	chance := func(burst int) float64 {
		var f estimate.Forecast
		for hour := range 12 {
			counts := slices.Concat(slices.Repeat([]int{50}, 3000), slices.Repeat([]int{200}, burst), slices.Repeat([]int{50}, 600-burst))
			feed(&f, int64(hour)*3600, counts)
		}
		feed(&f, 12*3600, slices.Concat(slices.Repeat([]int{50}, 3000), slices.Repeat([]int{200}, 20)))
		high := 0.0
		for _, r := range f.Later() {
			if r > 125 {
				high += 1.0 / 16
			}
		}
		return high
	}
	// A forecast is made at the end of a 10-second block. Bursts of 60 s never outlast a boot of
	// 120 s; of the 24 blocks of 240 s about a half do, of the 60 of 600 s four fifths.
	for _, c := range []struct {
		burst     int
		low, high float64
	}{{60, 0, 0.15}, {240, 0.35, 0.65}, {600, 0.7, 0.95}} {
		if got := chance(c.burst); got < c.low || got > c.high {
			t.Errorf("bursts of %d s: they last another boot with probability %v, want %v to %v", c.burst, got, c.low, c.high)
		}
	}
}

func TestForecastOfNoTraffic(t *testing.T) {
	var f estimate.Forecast
	feed(&f, 0, slices.Repeat([]int{50}, 1200))
	feed(&f, 1200, make([]int, 1200))
	if got := f.Later().Mean(); got > 1e-9 {
		t.Errorf("20 minutes of zeros: %v", got)
	}
}

func TestForecastSurvivesTheClock(t *testing.T) {
	var f estimate.Forecast
	r := rand.New(rand.NewPCG(3, 4))
	first := int64(1_700_000_000)
	for _, jump := range []int64{0, 3600, -3600, 86400, 20} {
		first += jump
		feed(&f, first, poisson(r, 50, 600))
		first += 600
		if got := f.Later().Mean(); math.Abs(got-50) > 8 {
			t.Errorf("after a jump of %d s: %v, want about 50", jump, got)
		}
	}
}

func TestForecastOnAnyCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f, restored estimate.Forecast
		for range rapid.IntRange(1, 60).Draw(t, "ticks") {
			counts := estimate.Counts{
				First: rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64()).Draw(t, "first"),
				Each:  rapid.SliceOfN(rapid.OneOf(rapid.IntRange(-1, 50), rapid.Int()), 0, 30).Draw(t, "counts"),
			}
			boot := time.Duration(rapid.Int64().Draw(t, "boot"))
			data, err := json.Marshal(&f)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &restored); err != nil {
				t.Fatal(err)
			}
			f.Observe(counts, boot)
			restored.Observe(counts, boot)
			if f.Soon() != restored.Soon() || f.Later() != restored.Later() {
				t.Fatalf("a restart changes %v to %v", f.Later(), restored.Later())
			}
			for _, r := range []estimate.Rates{f.Soon(), f.Later()} {
				for i, x := range r {
					if !(x >= 0) || math.IsInf(x, 0) || i > 0 && x < r[i-1]*(1-1e-9) {
						t.Fatalf("rates %v", r)
					}
				}
			}
		}
	})
}
