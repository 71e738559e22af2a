package compare

import (
	"fmt"
	"math"
)

// Figure is a mean over seeds, and half the width of its 95 % confidence interval by Student's t: 0 with
// a single seed, which says nothing of chance.
type Figure struct {
	Mean float64 `json:"mean"`
	Half float64 `json:"half,omitempty"`
}

// student is the 97.5th percentile of Student's t by degrees of freedom.
var student = [...]float64{
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
	2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
}

func figure(values []float64) (f Figure) {
	n := len(values)
	for _, x := range values {
		f.Mean += x / float64(n)
	}
	if n < 2 {
		return f
	}
	squares := 0.0
	for _, x := range values {
		squares += (x - f.Mean) * (x - f.Mean)
	}
	t := student[min(n-1, len(student))-1] // with more it is a little too wide
	f.Half = t * math.Sqrt(squares/float64(n-1)/float64(n))
	return f
}

// over is a figure of each of some results.
func over[T any](all []T, of func(T) float64) Figure {
	var values []float64
	for _, x := range all {
		values = append(values, of(x))
	}
	return figure(values)
}

// Text is the mean, and the half width if there is one, with so many digits behind the point.
func (f Figure) Text(digits int) string {
	if f.Half == 0 {
		return fmt.Sprintf("%.*f", digits, f.Mean)
	}
	return fmt.Sprintf("%.*f ±%.*f", digits, f.Mean, digits, f.Half)
}
