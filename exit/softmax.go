package exit

import "math"

// measures are the softmax statistics that the policies read; all but class
// lie in [0,1].
type measures struct {
	class   int     // argmax, lowest index on ties
	top     float64 // largest probability
	margin  float64 // largest minus second largest probability
	entropy float64 // nats / ln(classes)
}

// measure computes the softmax statistics of one row after dividing by the
// temperature. ok is false if the row is empty or holds a NaN or an infinity.
//
// With z_j = (x_j - max x)/T and S = sum exp z_j: p_j = exp(z_j)/S, so the top
// probability is 1/S and the entropy is ln S - sum(z_j exp z_j)/S. Subtracting
// the maximum keeps exp from overflowing.
func measure(logits []float32, temperature float64) (m measures, ok bool) {
	class, second, ok := topTwo(logits)
	if !ok {
		return measures{}, false
	}
	t := usable(temperature)
	top := float64(logits[class])
	var sum, weighted float64
	for _, x := range logits {
		z := (float64(x) - top) / t
		if e := math.Exp(z); e > 0 { // z may be -Inf, and -Inf*0 is NaN
			sum += e
			weighted += z * e
		}
	}
	m = measures{class: class, top: 1 / sum, margin: 1}
	if len(logits) > 1 {
		m.margin = clamp01((1 - math.Exp((float64(logits[second])-top)/t)) / sum)
		m.entropy = clamp01((math.Log(sum) - weighted/sum) / math.Log(float64(len(logits))))
	}
	return m, true
}

// topTwo returns the indices of the largest and second largest logits, lowest
// index first on ties; with one class both are 0.
func topTwo(logits []float32) (first, second int, ok bool) {
	if len(logits) == 0 {
		return 0, 0, false
	}
	second = -1
	for j, x := range logits {
		if x-x != 0 { // true of NaN and of both infinities, and of nothing else
			return 0, 0, false
		}
		switch {
		case j == 0:
		case x > logits[first]:
			first, second = j, first
		case second < 0 || x > logits[second]:
			second = j
		}
	}
	return first, max(second, 0), true
}

// usable replaces a temperature that softmax cannot divide by with 1.
func usable(t float64) float64 {
	if !(t > 0) || math.IsInf(t, 0) {
		return 1
	}
	return t
}

// clamp01 removes the rounding error that takes a statistic just outside [0,1].
func clamp01(x float64) float64 { return min(max(x, 0), 1) }
