package exit

import "gonum.org/v1/gonum/mathext"

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

// binomialUpper is the p at which P(Binomial(n,p) <= k) = alpha. That probability
// is I_{1-p}(n-k, k+1) = 1 - I_p(k+1, n-k), with I the regularised incomplete beta
// function (DLMF 8.17.5), so p is its inverse.
func binomialUpper(k, n int, alpha float64) float64 {
	if k >= n {
		return 1
	}
	return mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-alpha)
}

// binomialLower mirrors binomialUpper: it counts failures instead of successes.
func binomialLower(k, n int, alpha float64) float64 {
	return 1 - binomialUpper(n-k, n, alpha)
}
