package depth

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Ranks returns the rank of the next request: the share, from 0 to below 1, of requests
// that are harder. Over many requests ranks are uniform, in whichever order they come.
type Ranks func() float64

// Uniform has each rank independent of the others.
func Uniform(r *rand.Rand) Ranks { return r.Float64 }

// Persistent has ranks that stay close for a while: requests k apart are correlated by
// exp(-k/length), with length above 0 in requests. That is the correlation of the normal variables
// that the ranks are the probabilities of (a Gaussian copula), each of them the one
// before times exp(-1/length) plus noise: an AR(1) process. The error wraps ErrDepth.
func Persistent(length float64, r *rand.Rand) (Ranks, error) {
	if !(length > 0) || math.IsInf(length, 0) {
		return nil, fmt.Errorf("%w: a correlation length of %v requests: give a finite one above 0, or use Uniform", ErrDepth, length)
	}
	keep, noise := math.Exp(-1/length), math.Sqrt(-math.Expm1(-2/length))
	z := r.NormFloat64()
	return func() float64 {
		u := math.Erfc(-z/math.Sqrt2) / 2
		z = keep*z + noise*r.NormFloat64()
		return min(u, below1)
	}, nil
}

// below1 is the greatest rank.
const below1 = 1 - 0x1p-53
