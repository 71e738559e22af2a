package profile

import (
	"fmt"
	"math"
	"time"
)

// Spread is times as a person knows them: a mean, and if they are known the time that half of the
// batches do not exceed and the one that 99 % do not.
//
//   - A mean alone: every batch takes that long.
//   - A mean with one of the others: a log-normal distribution.
//   - All three: log-normal by both percentiles, but that between them the logarithm is not a line of
//     the normal quantile z but bends, as z^k, with the k from 0.5 to 1000 with which the mean is right.
type Spread struct {
	Mean Duration `json:"mean,omitempty"`
	P50  Duration `json:"p50,omitempty"`
	P99  Duration `json:"p99,omitempty"`
}

// A spread becomes so many samples: then one of them is the 99th percentile.
const (
	points  = 150
	at99    = 148
	widest  = 2.3 // sigma: beyond it no mean lies further below the 99th percentile
	flat    = 0.5 // the least k
	steep   = 1e3 // and the most
	halving = 60  // steps of a search
)

// normal is the standard normal quantile of point i.
func normal(i float64) float64 { return math.Sqrt2 * math.Erfinv(2*(i+0.5)/points-1) }

// samples are times so spread, or what is wrong with it.
func (s Spread) samples() (Samples, *FieldError) {
	mean, p50, p99 := float64(s.Mean), float64(s.P50), float64(s.P99)
	if e := s.check(); e != nil {
		return nil, e
	}
	switch {
	case s.P50 == 0 && s.P99 == 0:
		return Samples{time.Duration(s.Mean)}, nil
	case s.P99 == 0:
		return fit("p50", s.P50, s.Mean, widest, 0, func(sigma float64) []float64 { return logNormalPoints(sigma, mean) }, median)
	case s.P50 == 0:
		return fit("p99", s.P99, s.Mean, 0, widest, func(sigma float64) []float64 { return logNormalPoints(sigma, mean) }, func(x []float64) float64 { return x[at99] })
	}
	return fit("mean", s.Mean, s.P50, steep, flat, func(k float64) []float64 { return bent(p50, p99, k) }, average)
}

func (s Spread) check() *FieldError {
	for _, f := range []struct {
		name string
		d    Duration
	}{{"mean", s.Mean}, {"p50", s.P50}, {"p99", s.P99}} {
		if f.d < 0 || f.d > Duration(longest) {
			return &FieldError{Field: f.name, Problem: time.Duration(f.d).String(), Remedy: fmt.Sprintf("give more than 0, and at most %v", longest)}
		}
	}
	switch {
	case s.Mean == 0:
		return &FieldError{Field: "mean", Problem: "there is none", Remedy: "give how long a batch takes on average"}
	case s.P99 != 0 && s.P99 < s.P50:
		return &FieldError{Field: "p99", Problem: fmt.Sprintf("%v is less than the p50 of %v", time.Duration(s.P99), time.Duration(s.P50)), Remedy: "give the time that 99 % of the batches do not exceed"}
	}
	return nil
}

// fit searches the shape, between least and most, with which the points have what is wanted.
func fit(field string, want, beside Duration, least, most float64, shape func(float64) []float64, has func([]float64) float64) (Samples, *FieldError) {
	from, to := has(shape(least)), has(shape(most))
	const slack = 1e-6 // of rounding
	if x := float64(want); x < from*(1-slack) || x > to*(1+slack) {
		return nil, &FieldError{
			Field: field, Problem: fmt.Sprintf("%v does not go with the others", time.Duration(want)),
			Remedy: fmt.Sprintf("give one from %v to %v, leave it out, or give samples", readable(time.Duration(from)), readable(time.Duration(to))),
		}
	}
	for range halving {
		if middle := (least + most) / 2; has(shape(middle)) < float64(want) {
			least = middle
		} else {
			most = middle
		}
	}
	var samples Samples
	for _, x := range shape((least + most) / 2) {
		samples = append(samples, min(duration(x), longest))
	}
	return samples.sorted(), nil
}

// logNormalPoints have a mean.
func logNormalPoints(sigma, mean float64) []float64 {
	x := make([]float64, points)
	for i := range x {
		x[i] = math.Exp(sigma * normal(float64(i)))
	}
	scale := mean / average(x)
	for i := range x {
		x[i] *= scale
	}
	return x
}

// bent have a median and a 99th percentile. The two points at the median are there for any k.
func bent(p50, p99, k float64) []float64 {
	z99 := normal(at99)
	sigma := math.Log(p99/p50) / z99
	x := make([]float64, points)
	for i := range x {
		z := normal(float64(i))
		if i > points/2 && i < at99 {
			z = z99 * math.Pow(z/z99, k)
		}
		x[i] = p50 * math.Exp(sigma*z)
	}
	return x
}

func average(x []float64) (mean float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	return mean
}

func median(x []float64) float64 { return (x[points/2-1] + x[points/2]) / 2 }
