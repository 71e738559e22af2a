package estimate

import "math"

const (
	perDoubling = 6                 // bins
	bins        = 8*perDoubling + 1 // from a 16th to 16 times
	points      = 16
	forget      = 1.0 / 1000 // of the weight, with each outcome
	firstWeight = 4.0        // of the guess that is there before any outcome, in outcomes
)

// Rates are as likely as each other, the lowest first, in requests per second.
type Rates [points]float64

// Mean is that of the distribution.
func (r Rates) Mean() (mean float64) {
	for _, x := range r {
		mean += x / points
	}
	return mean
}

// Deviation is the standard deviation of the distribution.
func (r Rates) Deviation() float64 {
	mean, sum := r.Mean(), 0.0
	for _, x := range r {
		sum += (x - mean) * (x - mean) / points
	}
	return math.Sqrt(sum)
}

// outcomes is how much came over how much there was: a histogram over the logarithm.
type outcomes struct {
	Weight []float64 `json:"weight,omitempty"` // of each bin
	Sum    []float64 `json:"sum,omitempty"`    // of weight times ratio: a bin stands for its mean
}

// begin puts a first guess there: as much as now, give or take a fifth.
func (o *outcomes) begin() {
	if o.Weight != nil {
		return
	}
	o.Weight, o.Sum = make([]float64, bins), make([]float64, bins)
	for _, ratio := range []float64{0.8, 1, 1, 1.2} {
		o.put(ratio, firstWeight/4)
	}
}

func (o *outcomes) put(ratio, weight float64) {
	bin := 0
	if ratio > 0 {
		bin = int(min(max(math.Round(math.Log2(ratio)*perDoubling)+bins/2, 0), bins-1))
	}
	o.Weight[bin] += weight
	o.Sum[bin] += weight * ratio
}

func (o *outcomes) add(ratio float64) {
	o.begin()
	for i := range o.Weight {
		o.Weight[i] *= 1 - forget
		o.Sum[i] *= 1 - forget
	}
	o.put(ratio, 1)
}

// rates cuts the histogram into equal weights, and keeps its mean.
func (o *outcomes) rates(level float64) (r Rates) {
	o.begin()
	total := 0.0
	for _, w := range o.Weight {
		total += w
	}
	slice := total / points
	i, room := 0, slice // the slice that is filled, and what is missing in it
	for bin, w := range o.Weight {
		for w > 0 {
			part := min(w, room)
			if i == points-1 {
				part = w // also what rounding has left over
			}
			r[i] += level * part * o.Sum[bin] / o.Weight[bin] / slice
			w -= part
			if room -= part; room <= 0 && i < points-1 {
				i, room = i+1, slice
			}
		}
	}
	return r
}
