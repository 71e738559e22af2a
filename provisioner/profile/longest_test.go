package profile

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Few rows take longer than Longest, and it is not far from their 99th percentile.
func TestLongest(t *testing.T) {
	means := []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}
	exponential, err1 := Exponential(means)
	logNormal, err2 := LogNormal(means, 0.5)
	constant, err3 := Deterministic(means)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if got := Longest(constant, 1, 2); got != 25*time.Millisecond {
		t.Errorf("constant times: %v, want 25ms", got)
	}
	r := rand.New(rand.NewPCG(1, 0))
	for name, times := range map[string]Times{"exponential": exponential, "log-normal": logNormal} {
		sums := make([]time.Duration, 100_000)
		for i := range sums {
			for s := range means {
				sums[i] += times.Draw(s, 1, r)
			}
		}
		slices.Sort(sums)
		p99, got := sums[len(sums)*99/100], Longest(times, 0, 2)
		if ratio := float64(got) / float64(p99); ratio < 0.95 || ratio > 1.1 {
			t.Errorf("%s: %v, and 99 in 100 take less than %v", name, got, p99)
		}
	}
}
