package exit

import (
	"math"
	"testing"
)

// The bound must hold whatever the truth is: over every outcome of n rows, weighted
// by its exact probability, it may lie below the true loss in 1-confidence of cases.
func TestLossUpperCoversTheTruth(t *testing.T) {
	const n = 30
	for _, confidence := range []float64{0.8, 0.95} {
		var bound [n + 1][n + 1]float64 // [worse][better]
		for w := range n + 1 {
			for b := range n + 1 - w {
				bound[w][b] = lossUpper(w, b, n, confidence)
			}
		}
		for _, truth := range []struct{ worse, better float64 }{
			{0.01, 0}, {0.05, 0}, {0.02, 0.01}, {0.05, 0.05}, {0.1, 0.02}, {0.1, 0.2}, {0.3, 0.3}, {0.5, 0.1}, {0.6, 0.4}, {0.9, 0},
		} {
			below := 0.0
			for w := range n + 1 {
				for b := range n + 1 - w {
					if bound[w][b] < truth.worse-truth.better {
						below += trinomial(n, w, b, truth.worse, truth.better)
					}
				}
			}
			if below > 1-confidence {
				t.Errorf("confidence %v, truth %+v: the bound is below it in %.4f of cases", confidence, truth, below)
			}
		}
	}
}

func trinomial(n, w, b int, pw, pb float64) float64 {
	p := math.Exp(logChoose(n, w) + logChoose(n-w, b))
	return p * math.Pow(pw, float64(w)) * math.Pow(pb, float64(b)) * math.Pow(1-pw-pb, float64(n-w-b))
}

func TestLossUpperAtTheEnds(t *testing.T) {
	// From nothing seen the loss is bounded by how many rows may be discordant and
	// all worse: (1-loss)^n = alpha, up to the doubt spent on the former.
	for _, n := range []int{10, 5000, 1_000_000} {
		got, least := lossUpper(0, 0, n, 0.95), 1-math.Pow(0.05, 1/float64(n))
		if got < least || got > 1.6*least {
			t.Errorf("n %d: %v, want a little over %v", n, got, least)
		}
	}
	if got := lossUpper(20, 0, 20, 0.95); got != 1 {
		t.Errorf("all worse: %v", got)
	}
	if got := lossUpper(0, 20, 20, 0.95); got < -1 || got > -0.6 {
		t.Errorf("all better: %v", got)
	}
}

// With many discordant rows the bound comes close to the normal approximation,
// which is about right there; the sum of two exact limits would be far off.
func TestLossUpperIsTight(t *testing.T) {
	const w, b, n = 500, 450, 50_000
	normal := (w - b + 1.645*math.Sqrt(w+b)) / n
	if got := lossUpper(w, b, n, 0.95); got < normal || got > 1.12*normal {
		t.Errorf("%v, the normal approximation has %v", got, normal)
	}
}

func TestBinomial(t *testing.T) {
	// With no event the upper limit is 1 - alpha^(1/n) in closed form.
	for _, n := range []int{1, 10, 5000, 1_000_000} {
		want := 1 - math.Pow(0.025, 1/float64(n))
		if got := binomialUpper(0, n, 0.025); math.Abs(got-want) > 1e-9 {
			t.Errorf("n %d: %v, want %v", n, got, want)
		}
	}
	for _, k := range []int{1, 7, 19} {
		p, tail := binomialUpper(k, 20, 0.05), 0.0
		for j := range k + 1 {
			tail += binomialAt(j, 20, p)
		}
		if math.Abs(tail-0.05) > 1e-9 || math.Abs(binomialAtMost(k, 20, p)-0.05) > 1e-9 {
			t.Errorf("k %d: tail %v at p %v", k, tail, p)
		}
	}
	if binomialUpper(5, 5, 0.05) != 1 || binomialAt(3, 3, 1) != 1 || binomialAt(1, 3, 0) != 0 {
		t.Error("limits at the ends")
	}
	first, last := likely(5000, 0.02)
	mass := 0.0
	for m := first; m <= last; m++ {
		mass += binomialAt(m, 5000, 0.02)
	}
	if mass < 1-outside-1e-9 || last-first > 250 {
		t.Errorf("[%d,%d] holds %v", first, last, mass)
	}
}
