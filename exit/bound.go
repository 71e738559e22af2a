package exit

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// nuisance is the share of doubt that lossUpper spends on how many rows are
// discordant at all; Berger and Boos suggest one this small.
const nuisance = 0.001

// mostDiscordant is the share up to which asLow's worst case is known: up to it a
// row's outcome has a log-concave distribution, so that worse-better has one mode.
// Above it, which is no model to serve, the bound is the sum of two exact limits at
// half the doubt each, which is valid and wide.
const mostDiscordant = 2.0 / 3

// lossUpper is a one-sided upper confidence bound, as a fraction, on the
// accuracy lost by an early-exit model against the final exit, from n paired
// rows: worse rows that only the final exit has right, better rows that only
// the early one has right.
//
// It is the least loss whose exact p-value is at most 1-confidence. A loss and a
// share of discordant rows give each row a worse, better or equal outcome, and
// the p-value is the probability that worse-better comes out as low as it did.
// The unknown share is taken at its worst within its own exact confidence limit,
// whose doubt is added to the p-value (Berger and Boos, J. Am. Stat. Assoc. 1994).
// So the bound holds at every sample size, also where the normal approximation
// would claim certainty from no discordant rows.
func lossUpper(worse, better, n int, confidence float64) float64 {
	alpha := 1 - confidence
	doubt := min(nuisance, alpha/2)
	discordant := binomialUpper(worse+better, n, doubt)
	if discordant > mostDiscordant {
		return binomialUpper(worse, n, alpha/2) + binomialUpper(n-better, n, alpha/2) - 1
	}
	// The limits: what was seen, which is the bound at one half, and the most
	// that the discordant rows can lose.
	low, high := float64(worse-better)/float64(n), discordant
	for high-low > 1e-7 {
		loss := (low + high) / 2
		if asLow(worse-better, n, discordant, loss) > alpha-doubt {
			low = loss
		} else {
			high = loss
		}
	}
	return high
}

// asLow is P(worse - better <= d) in n independent rows that are worse or better
// with probability discordant together, and worse rather than better by loss.
//
// Up to mostDiscordant it rises with discordant, as long as d is below the mode of
// worse-better: a row that turns from equal to worse or better, either as likely, moves more
// mass down past d than up. So the greatest discordant is the worst. At and
// above the mode it is about one half, and no bound is there.
func asLow(d, n int, discordant, loss float64) float64 {
	// Given m discordant rows, worse-better <= d means at most (m+d)/2 are worse.
	worse := min((1+loss/discordant)/2, 1)
	first, last := likely(n, discordant)
	total := 0.0
	for m := first; m <= last; m++ {
		k := min(floorHalf(m+d), m)
		if k >= 0 {
			total += binomialAt(m, n, discordant) * binomialAtMost(k, m, worse)
		}
	}
	return min(total+outside, 1)
}

// outside bounds the probability that likely leaves out.
const outside = 1e-12

// likely is a range of counts outside which a Binomial(n,p) falls with probability
// below outside (Bernstein's inequality, at exponent ln(2/outside)).
func likely(n int, p float64) (first, last int) {
	mean, exponent := float64(n)*p, math.Log(2/outside)
	width := exponent/3 + math.Sqrt(exponent*exponent/9+2*exponent*mean*(1-p))
	return max(int(mean-width), 0), min(int(mean+width)+1, n)
}

func floorHalf(x int) int { return x >> 1 }

// binomialAt is P(Binomial(n,p) = k).
func binomialAt(k, n int, p float64) float64 {
	if p <= 0 || p >= 1 {
		return float64(count(p <= 0 && k == 0 || p >= 1 && k == n))
	}
	return math.Exp(logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func logChoose(n, k int) float64 {
	lg := func(x int) float64 { y, _ := math.Lgamma(float64(x + 1)); return y }
	return lg(n) - lg(k) - lg(n-k)
}

// binomialAtMost is P(Binomial(n,p) <= k) for 0 <= k <= n, which is I_{1-p}(n-k, k+1),
// with I the regularised incomplete beta function (DLMF 8.17.5).
func binomialAtMost(k, n int, p float64) float64 {
	if k >= n {
		return 1
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-p)
}

// binomialUpper is the p at which P(Binomial(n,p) <= k) = alpha: the exact upper
// limit of Clopper and Pearson (Biometrika 1934).
func binomialUpper(k, n int, alpha float64) float64 {
	if k >= n {
		return 1
	}
	return mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-alpha)
}
