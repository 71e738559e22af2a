package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Deterministic takes a row of each stage exactly its mean time, and a batch as much
// for each of its rows: see BatchGain. The error wraps ErrProfile.
func Deterministic(means []time.Duration) (Times, error) { return newFamily(means, constant{}) }

// Exponential draws from exponential distributions with these means for a row of each
// stage. The time of a batch is that of one row times its rows: see BatchGain. The error
// wraps ErrProfile.
func Exponential(means []time.Duration) (Times, error) { return newFamily(means, exponential{}) }

// LogNormal draws from log-normal distributions with these means for a row of each stage
// and a coefficient of variation, the standard deviation over the mean, above 0. The time of a
// batch is that of one row times its rows: see BatchGain. The error wraps ErrProfile.
func LogNormal(means []time.Duration, cv float64) (Times, error) {
	variance := math.Log1p(cv * cv) // of the logarithm
	if !(cv > 0) || !(variance > 0) || math.IsInf(variance, 0) {
		return nil, fmt.Errorf("%w: a coefficient of variation of %v: give a finite one above 0, or use Deterministic", ErrProfile, cv)
	}
	return newFamily(means, logNormal{mu: -variance / 2, sigma: math.Sqrt(variance)})
}

// family is one shape of distribution, scaled to each stage's mean.
type family struct {
	means []time.Duration
	shape shape
}

func newFamily(means []time.Duration, s shape) (Times, error) {
	if len(means) == 0 {
		return nil, fmt.Errorf("%w: no stages: give the mean time of at least one", ErrProfile)
	}
	for k, m := range means {
		if m <= 0 {
			return nil, fmt.Errorf("%w: the mean time of stage %d is %v: give more than 0", ErrProfile, k+1, m)
		}
	}
	return &family{slices.Clone(means), s}, nil
}

func (f *family) Stages() int { return len(f.means) }

func (f *family) Draw(stage, rows int, r *rand.Rand) time.Duration {
	return f.times(f.shape.draw(r), stage, rows)
}

func (f *family) Mean(stage, rows int) time.Duration { return f.times(1, stage, rows) }

func (f *family) Quantile(stage, rows int, q float64) time.Duration {
	return f.times(f.shape.quantile(min(max(q, 0), 1)), stage, rows)
}

func (f *family) times(x float64, stage, rows int) time.Duration {
	return duration(x * float64(f.means[stage]) * float64(max(rows, 1)))
}

// shape is a distribution with mean 1.
type shape interface {
	draw(r *rand.Rand) float64
	quantile(q float64) float64
}

type constant struct{}

func (constant) draw(*rand.Rand) float64  { return 1 }
func (constant) quantile(float64) float64 { return 1 }

type exponential struct{}

func (exponential) draw(r *rand.Rand) float64  { return r.ExpFloat64() }
func (exponential) quantile(q float64) float64 { return -math.Log1p(-q) }

type logNormal struct{ mu, sigma float64 }

func (l logNormal) draw(r *rand.Rand) float64 { return math.Exp(l.mu + l.sigma*r.NormFloat64()) }
func (l logNormal) quantile(q float64) float64 {
	return math.Exp(l.mu + l.sigma*math.Sqrt2*math.Erfinv(2*q-1))
}
