package profile

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// Of what is drawn, the mean and every tenth must be what Mean and Quantile say.
func TestDistributions(t *testing.T) {
	means := []time.Duration{5 * ms, 20 * ms}
	exponential, err1 := Exponential(means)
	logNormal, err2 := LogNormal(means, 0.8)
	gained, err3 := BatchGain(exponential, 1.4)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for name, times := range map[string]Times{"exponential": exponential, "log-normal": logNormal, "gained": gained} {
		const draws, rows = 40_000, 3
		sample, sum, r := make([]time.Duration, draws), 0.0, random()
		for i := range sample {
			sample[i] = times.Draw(1, rows, r)
			sum += float64(sample[i])
		}
		slices.Sort(sample)
		near(t, name+": mean", sum/draws, times.Mean(1, rows))
		for k := 1; k < 10; k++ {
			near(t, name+": a quantile", float64(sample[k*draws/10]), times.Quantile(1, rows, float64(k)/10))
		}
		if times.Stages() != 2 || sample[0] < 1 {
			t.Errorf("%s: %d stages, %d drawn", name, times.Stages(), sample[0])
		}
	}
}

// near allows 3 %, which is about 5 standard errors of the mean or a quantile.
func near(t *testing.T, what string, got float64, want time.Duration) {
	t.Helper()
	if math.Abs(got-float64(want)) > 0.03*float64(want) {
		t.Errorf("%s is %v, want %v", what, got, float64(want))
	}
}

func TestDistributionsInClosedForm(t *testing.T) {
	exponential, err1 := Exponential([]time.Duration{10 * ms})
	logNormal, err2 := LogNormal([]time.Duration{10 * ms}, 1)
	constant, err3 := Deterministic([]time.Duration{10 * ms})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want time.Duration
	}{
		{"exponential median", exponential.Quantile(0, 1, 0.5), 6_931_472}, // 10 ms * ln 2
		{"exponential at 0", exponential.Quantile(0, 1, 0), 1},
		{"exponential at 1", exponential.Quantile(0, 1, 1), math.MaxInt64},
		{"exponential above 1", exponential.Quantile(0, 1, 1.1), math.MaxInt64},
		{"log-normal median", logNormal.Quantile(0, 1, 0.5), 7_071_068}, // 10 ms / sqrt(1+cv*cv)
		{"log-normal at 0", logNormal.Quantile(0, 1, 0), 1},
		{"log-normal at 1", logNormal.Quantile(0, 1, 1), math.MaxInt64},
		{"3 rows", constant.Draw(0, 3, random()), 30 * ms},
		{"no rows", constant.Draw(0, 0, random()), 10 * ms},
		{"constant median", constant.Quantile(0, 2, 0.5), 20 * ms},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

func TestBatchGain(t *testing.T) {
	base, err := Deterministic([]time.Duration{15 * ms})
	if err != nil {
		t.Fatal(err)
	}
	for _, gain := range []float64{0.8, 1, 1.4, 4, 16} {
		times, err := BatchGain(base, gain)
		if err != nil {
			t.Fatal(err)
		}
		single, batch := times.Mean(0, 1), times.Mean(0, 16)
		got := 16 * float64(single) / float64(batch)
		if single != 15*ms || math.Abs(got-gain) > 1e-6 || times.Draw(0, 16, random()) != batch {
			t.Errorf("gain %v: %v for a row, %v for 16, which is a gain of %v", gain, single, batch, got)
		}
		// The times of 2, 9 and 16 rows lie on a line.
		if middle := (times.Mean(0, 2) + batch) / 2; (times.Mean(0, 9) - middle).Abs() > 1 {
			t.Errorf("gain %v: %v for 9 rows, want %v", gain, times.Mean(0, 9), middle)
		}
	}
}

func TestDistributionsRefuse(t *testing.T) {
	base, err := Deterministic([]time.Duration{ms})
	if err != nil {
		t.Fatal(err)
	}
	logNormal := func(cv float64) func() (Times, error) {
		return func() (Times, error) { return LogNormal([]time.Duration{ms}, cv) }
	}
	gain := func(g float64) func() (Times, error) {
		return func() (Times, error) { return BatchGain(base, g) }
	}
	for _, c := range []struct {
		says string
		make func() (Times, error)
	}{
		{"no stages", func() (Times, error) { return Exponential(nil) }},
		{"stage 2 is 0s", func() (Times, error) { return Exponential([]time.Duration{ms, 0}) }},
		{"stage 1 is -1ms", func() (Times, error) { return Deterministic([]time.Duration{-ms}) }},
		{"stage 1 is 0s", func() (Times, error) { return LogNormal([]time.Duration{0}, 1) }},
		{"variation of 0", logNormal(0)},
		{"variation of 1e-200", logNormal(1e-200)},
		{"variation of -1", logNormal(-1)},
		{"variation of NaN", logNormal(math.NaN())},
		{"variation of +Inf", logNormal(math.Inf(1))},
		{"variation of 1e+200", logNormal(1e200)},
		{"gain of 0", gain(0)},
		{"gain of -1", gain(-1)},
		{"gain of 17", gain(17)},
		{"gain of NaN", gain(math.NaN())},
	} {
		if times, err := c.make(); times != nil || !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}
