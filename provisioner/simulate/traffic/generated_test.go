package traffic_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func TestPoisson(t *testing.T) {
	const rate, length = 50.0, 2000 * time.Second
	times := drain(t, open[traffic.Source](t)(traffic.Poisson(rate, length, seeded())), length)
	mean := rate * length.Seconds()
	near(t, "arrivals", float64(len(times)), mean, math.Sqrt(mean))
	var gaps, when []float64
	last := time.Duration(0)
	for _, at := range times {
		gaps = append(gaps, 1-math.Exp(-rate*(at-last).Seconds()))
		when = append(when, at.Seconds()/length.Seconds())
		last = at
	}
	uniform(t, "gaps through their distribution", gaps)
	uniform(t, "times", when)
}

// A stretch of time is lost neither to rounding nor to a late hour.
func TestPoissonIsUnbiasedAtTheGreatestRate(t *testing.T) {
	const length = 200 * time.Microsecond
	times := drain(t, open[traffic.Source](t)(traffic.Poisson(1e9, length, seeded())), length)
	near(t, "arrivals", float64(len(times)), 200_000, math.Sqrt(200_000))
}

func TestVarying(t *testing.T) {
	const length = 48 * time.Hour
	const day, hour = 24.0, 3600.0 // in hours, and in seconds
	// The integral of each rate from the start, by the hour.
	cycle := func(h float64) float64 {
		return 2 * hour * (h + 0.8*day/(2*math.Pi)*math.Sin(2*math.Pi*(h-15)/day))
	}
	ramp := func(h float64) float64 {
		if over := min(max(h-10, 0), 20); over > 0 {
			return hour * (0.2*min(h, 10) + 0.2*over + 2.8*over*over/40 + 3*max(h-30, 0))
		}
		return hour * 0.2 * h
	}
	step := func(h float64) float64 { return hour * (3*min(h, 10.5) + 0.1*max(h-10.5, 0)) }
	for name, test := range map[string]struct {
		rate     traffic.Rate
		integral func(hours float64) float64
	}{
		"daily": {traffic.Daily(2, 0.8, 15*time.Hour), cycle},
		"ramp":  {traffic.Ramp(0.2, 3, 10*time.Hour, 30*time.Hour), ramp},
		"step":  {traffic.Step(3, 0.1, 10*time.Hour+30*time.Minute), step},
		"loose bounds": {traffic.Rate{
			At:     traffic.Daily(2, 0.8, 15*time.Hour).At,
			Bounds: func(_, _ time.Duration) (least, most float64) { return 0, 7 },
		}, cycle},
	} {
		times := drain(t, open[traffic.Source](t)(traffic.Varying(test.rate, length, seeded())), length)
		want := make([]float64, 96)
		for i := range want {
			want[i] = test.integral(float64(i+1)/2) - test.integral(float64(i)/2)
		}
		likePoisson(t, name, counts(times, 30*time.Minute, length), want)
	}
}

// Within its bounds, at every minute and also where it turns or jumps.
func TestBoundsHold(t *testing.T) {
	for name, rate := range map[string]traffic.Rate{
		"daily":       traffic.Daily(2, 1, 15*time.Hour+17*time.Second),
		"late":        traffic.Daily(2, 1, -100*time.Hour),
		"ramp":        traffic.Ramp(5, 0.1, 90*time.Minute, 8*time.Hour),
		"step":        traffic.Step(0, 7, 5*time.Hour+time.Second),
		"wrong order": traffic.Ramp(1, 2, 2*time.Hour, time.Hour),
	} {
		for from := time.Duration(0); from < 30*time.Hour; from += time.Minute {
			least, most := rate.Bounds(from, from+time.Minute)
			for at := from; at <= from+time.Minute; at += time.Second {
				if x := rate.At(at); x < least-1e-9 || x > most+1e-9 || least < 0 {
					t.Fatalf("%s: %v at %v, bounds %v and %v", name, x, at, least, most)
				}
			}
		}
	}
}

func TestRateOutsideItsBounds(t *testing.T) {
	rate := traffic.Rate{
		At:     func(time.Duration) float64 { return math.NaN() },
		Bounds: func(_, _ time.Duration) (least, most float64) { return 0, 1 },
	}
	s := open[traffic.Source](t)(traffic.Varying(rate, time.Hour, seeded()))
	_, err := s.Next()
	fails(t, "rate", err, traffic.ErrSettings, "is NaN: its bounds are 0 and 1")
	rate.Bounds = func(from, _ time.Duration) (least, most float64) { return 0, 1 - from.Minutes() }
	rate.At = func(time.Duration) float64 { return 0 }
	s = open[traffic.Source](t)(traffic.Varying(rate, time.Hour, seeded()))
	_, err = s.Next()
	fails(t, "bounds", err, traffic.ErrSettings, "between 2m0s and 3m0s: ")
	rate.Bounds = func(_, _ time.Duration) (least, most float64) { return 2, 1 }
	_, err = traffic.Varying(rate, time.Hour, seeded())
	fails(t, "order", err, traffic.ErrSettings, "a least rate of 2 above the greatest of 1")
}

func TestMMPP(t *testing.T) {
	// Counts of two states with rates a and b that are left at rates p and q have
	// variance over mean, in windows of w seconds, of
	// 1 + 2pq(a-b)^2 / ((p+q)^2 (aq+bp)) * (1 - (1-exp(-(p+q)w)) / ((p+q)w))
	// (Fischer and Meier-Hellstern 1993). Windows of 80 relaxation times are nearly
	// independent and normal, so the estimate's relative deviation is sqrt(2/windows).
	const a, b, p, q, window, windows = 20.0, 4.0, 1.0, 1.0 / 3, 60.0, 2000
	const length = window * windows * time.Second
	states := []traffic.State{{Rate: a, Sojourn: time.Second}, {Rate: b, Sojourn: 3 * time.Second}}
	times := drain(t, open[traffic.Source](t)(traffic.MMPP(states, length, seeded())), length)
	limit := 2 * p * q * (a - b) * (a - b) / ((p + q) * (p + q) * (a*q + b*p))
	ratio := 1 + limit*(1-(1-math.Exp(-(p+q)*window))/((p+q)*window))
	got := counts(times, window*time.Second, length)
	near(t, "dispersion", dispersion(got), ratio, ratio*math.Sqrt(2.0/windows))
	mean := (a*q + b*p) / (p + q) * length.Seconds()
	near(t, "arrivals", float64(len(times)), mean, math.Sqrt(ratio*mean))
}

// The first state is drawn by the share of time that each takes in the long run, and
// the others follow each other alike.
func TestMMPPIsStationary(t *testing.T) {
	states := []traffic.State{{Rate: 0, Sojourn: 6 * time.Hour}, {Rate: 1e6, Sojourn: 3 * time.Hour}, {Rate: 1e7, Sojourn: time.Hour}}
	var begins [3]float64
	const runs = 5000
	r := seeded()
	for range runs {
		s := open[traffic.Source](t)(traffic.MMPP(states, 100*time.Microsecond, r))
		switch n := len(drain(t, s, time.Second)); { // 0, about 100 and about 1000
		case n == 0:
			begins[0]++
		case n < 400:
			begins[1]++
		default:
			begins[2]++
		}
	}
	for i, share := range []float64{0.6, 0.3, 0.1} {
		near(t, fmt.Sprint("begins in state ", i), begins[i], share*runs, math.Sqrt(runs*share*(1-share)))
	}

	states = []traffic.State{{Rate: 0, Sojourn: 6 * time.Second}, {Rate: 10, Sojourn: 3 * time.Second}, {Rate: 100, Sojourn: time.Second}}
	const length = 100_000 * time.Second
	times := drain(t, open[traffic.Source](t)(traffic.MMPP(states, length, r)), length)
	mean := 13 * length.Seconds()
	// Bounded by the dispersion of the two-state process that is always at rate 0 or
	// 100 with the same mean and a relaxation of at most 6 s: 1 + 2*6*(100-13) < 1100.
	near(t, "arrivals", float64(len(times)), mean, math.Sqrt(1100*mean))
}

func TestNoTraffic(t *testing.T) {
	must := open[traffic.Source](t)
	for name, s := range map[string]traffic.Source{
		"rate 0":         must(traffic.Poisson(0, time.Hour, seeded())),
		"no time":        must(traffic.Poisson(5, 0, seeded())),
		"varying, 0":     must(traffic.Varying(traffic.Daily(0, 0.5, 0), time.Hour, seeded())),
		"varying, short": must(traffic.Varying(traffic.Daily(1, 0.5, 0), 0, seeded())),
		"MMPP, 0":        must(traffic.MMPP([]traffic.State{{0, time.Minute}, {0, time.Hour}}, time.Hour, seeded())),
		"MMPP, short":    must(traffic.MMPP([]traffic.State{{1, time.Minute}, {2, time.Hour}}, 0, seeded())),
	} {
		want(t, name, len(drain(t, s, time.Hour)), 0)
	}
}

func TestWrongRates(t *testing.T) {
	for says, rate := range map[string]float64{"-1 req": -1, "NaN req": math.NaN(), "+Inf req": math.Inf(1), "1e+10 req": 1e10} {
		_, err := traffic.Poisson(rate, time.Hour, seeded())
		fails(t, "Poisson", err, traffic.ErrSettings, says)
		_, err = traffic.MMPP([]traffic.State{{1, time.Minute}, {rate, time.Minute}}, time.Hour, seeded())
		fails(t, "MMPP", err, traffic.ErrSettings, "state 1: a rate of "+says)
		_, err = traffic.Varying(traffic.Step(rate, 1, time.Hour), time.Hour, seeded())
		fails(t, "step", err, traffic.ErrSettings, says)
		_, err = trace(traffic.Counts, "0,1").Redraw(rate, 0, seeded())
		fails(t, "Redraw", err, traffic.ErrSettings, says)
	}
	for name, swing := range map[string]float64{"too much swing": 1.5, "a negative swing": -0.5, "no swing": math.NaN()} {
		_, err := traffic.Varying(traffic.Daily(1, swing, 0), 24*time.Hour, seeded())
		fails(t, name, err, traffic.ErrSettings, "rate")
	}
}

func TestWrongRuns(t *testing.T) {
	state := traffic.State{Rate: 1, Sojourn: time.Second}
	_, err := traffic.Poisson(1, -time.Second, seeded())
	fails(t, "length", err, traffic.ErrSettings, "a length of -1s")
	_, err = traffic.Poisson(1, time.Second, nil)
	fails(t, "rand", err, traffic.ErrSettings, "give a *rand.Rand")
	_, err = traffic.Varying(traffic.Daily(1, 0, 0), time.Second, nil)
	fails(t, "rand", err, traffic.ErrSettings, "give a *rand.Rand")
	_, err = traffic.Varying(traffic.Rate{}, time.Second, seeded())
	fails(t, "functions", err, traffic.ErrSettings, "give both functions")
	_, err = traffic.MMPP([]traffic.State{state, state}, time.Second, nil)
	fails(t, "rand", err, traffic.ErrSettings, "give a *rand.Rand")
	_, err = traffic.MMPP([]traffic.State{state}, time.Second, seeded())
	fails(t, "states", err, traffic.ErrSettings, "of 1 states: give at least 2")
	_, err = traffic.MMPP([]traffic.State{state, {1, 0}}, time.Second, seeded())
	fails(t, "sojourn", err, traffic.ErrSettings, "state 1: a mean sojourn of 0s")
}
