package planner

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Traffic is how often requests come: a distribution of rates over time.
type Traffic struct{ Rates []Rate }

// Rate is requests per second for a share of the time.
type Rate struct{ PerSecond, Share float64 }

// strata are the shares of time that a distribution is cut into, finer towards the
// peak: that is where VMs overflow.
var strata = func() (shares []float64) {
	for range 13 {
		shares = append(shares, 15.0/16/13)
	}
	return append(shares, 1.0/32, 1.0/64, 1.0/64)
}()

// Steady is a rate with a standard deviation, log-normal. The deviation is the rate's own:
// that requests come at random within a second is reckoned with already.
func Steady(rate, deviation float64) Traffic {
	if !(deviation > 0) || !(rate > 0) {
		return Traffic{[]Rate{{rate, 1}}}
	}
	sigma := math.Sqrt(math.Log1p(deviation / rate * deviation / rate))
	var t Traffic
	below := 0.0
	for _, share := range strata {
		z := math.Sqrt2 * math.Erfinv(2*(below+share/2)-1)
		t.Rates = append(t.Rates, Rate{math.Exp(sigma * z), share})
		below += share
	}
	scale := rate / t.Mean()
	for i := range t.Rates {
		t.Rates[i].PerSecond *= scale
	}
	return t
}

// Counts is the distribution of recorded one-second counts of requests. Counts vary more
// than the rate behind them; so they are drawn to their mean until their variance is the
// smaller by that mean, which is what Poisson arrivals add.
func Counts(perSecond []int) Traffic {
	counts := slices.Clone(perSecond)
	slices.Sort(counts)
	n := float64(len(counts))
	mean, squares := 0.0, 0.0
	for _, c := range counts {
		mean += float64(c) / n
	}
	for _, c := range counts {
		squares += (float64(c) - mean) * (float64(c) - mean) / n
	}
	shrink := 0.0
	if squares > mean {
		shrink = math.Sqrt((squares - mean) / squares)
	}
	var t Traffic
	below := 0.0
	for _, share := range strata {
		from, to := int(math.Round(below*n)), int(math.Round((below+share)*n))
		below += share
		if to > from {
			sum := 0.0
			for _, c := range counts[from:to] {
				sum += float64(c)
			}
			t.Rates = append(t.Rates, Rate{max(mean+shrink*(sum/float64(to-from)-mean), 0), float64(to-from) / n})
		}
	}
	return t
}

// Arrivals is the distribution of the one-second counts of a source, read to its end:
// that of a trace, for example. Seconds after the last request do not count. The error is the source's own.
func Arrivals(s traffic.Source) (Traffic, error) {
	var counts []int
	for {
		at, err := s.Next()
		if errors.Is(err, io.EOF) {
			return Counts(counts), nil
		}
		if err != nil {
			return Traffic{}, err
		}
		for second := int(at / time.Second); len(counts) <= second; {
			counts = append(counts, 0)
		}
		counts[len(counts)-1]++
	}
}

// Mean is the mean rate.
func (t Traffic) Mean() (mean float64) {
	for _, r := range t.Rates {
		mean += r.PerSecond * r.Share
	}
	return mean
}

// Peak is the highest rate.
func (t Traffic) Peak() (peak float64) {
	for _, r := range t.Rates {
		peak = max(peak, r.PerSecond)
	}
	return peak
}

func (t Traffic) validate() error {
	shares := 0.0
	for _, r := range t.Rates {
		if !finite(r.PerSecond) || !finite(r.Share) {
			return fmt.Errorf("%w: traffic of %v requests per second for a share of %v: give numbers from 0", ErrAsk, r.PerSecond, r.Share)
		}
		shares += r.Share
	}
	if math.Abs(shares-1) > 1e-6 || t.Mean() == 0 {
		return fmt.Errorf("%w: traffic with a mean of %v over shares that add up to %v: give some traffic, and shares that add up to 1", ErrAsk, t.Mean(), shares)
	}
	return nil
}
