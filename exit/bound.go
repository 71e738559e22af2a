package exit

import "math"

// lossUpper is a one-sided upper confidence bound, as a fraction, on the
// accuracy lost by an early-exit model against the final exit, from n paired
// rows: worse rows that only the final exit has right, better rows that only
// the early one has right.
//
// The loss is P(worse) - P(better). Each count is binomial, so the bound is the
// exact upper limit of the first minus the exact lower limit of the second
// (Clopper and Pearson, Biometrika 1934), each at half of alpha (Bonferroni's
// union bound needs no independence between them). It holds at every sample size
// and for few or no discordant rows, where the normal approximation would claim
// certainty; the price is that it is somewhat wide.
func lossUpper(worse, better, n int, confidence float64) float64 {
	half := (1 - confidence) / 2
	return binomialUpper(worse, n, half) - binomialLower(better, n, half)
}

// binomialUpper is the p at which P(Binomial(n,p) <= k) = alpha.
func binomialUpper(k, n int, alpha float64) float64 {
	if k >= n {
		return 1
	}
	lo, hi := float64(k)/float64(n), 1.0
	for range 60 {
		p := (lo + hi) / 2
		// P(X <= k) = I_{1-p}(n-k, k+1), which falls as p grows.
		if betaInc(float64(n-k), float64(k+1), 1-p) > alpha {
			lo = p
		} else {
			hi = p
		}
	}
	return hi // the outer end, so that rounding errs on the safe side
}

// binomialLower mirrors binomialUpper: it counts failures instead of successes.
func binomialLower(k, n int, alpha float64) float64 {
	return 1 - binomialUpper(n-k, n, alpha)
}

// betaInc is the regularised incomplete beta function I_x(a,b) for a, b > 0, by
// its continued fraction (DLMF 8.17.22).
func betaInc(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	lab, _ := math.Lgamma(a + b)
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	// The fraction converges fast only on this side of the mean.
	if x < (a+1)/(a+b+2) {
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

// betaFraction evaluates the continued fraction of betaInc by the modified Lentz
// method (Press et al., Numerical Recipes, section 6.4).
func betaFraction(a, b, x float64) float64 {
	const tiny, eps, most = 1e-300, 1e-14, 100000
	away := func(v float64) float64 { // keeps a denominator off zero
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i <= most; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		h *= d * c
		if math.Abs(d*c-1) < eps {
			break
		}
	}
	return h
}
