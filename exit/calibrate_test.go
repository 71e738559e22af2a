package exit

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Labels drawn from softmax(x), logits handed over as x*scale: T must be scale.
func TestFitTemperatureRecoversScale(t *testing.T) {
	const rows, classes = 20000, 4
	for _, scale := range []float64{0.5, 1, 3} {
		r := rand.New(rand.NewPCG(11, 12))
		var logits []float32
		var labels []int
		for range rows {
			x, sum := make([]float64, classes), 0.0
			for j := range x {
				x[j] = 2 * r.NormFloat64()
				sum += math.Exp(x[j])
				logits = append(logits, float32(x[j]*scale))
			}
			u, y := r.Float64()*sum, 0
			for u -= math.Exp(x[0]); u > 0 && y < classes-1; u -= math.Exp(x[y]) {
				y++
			}
			labels = append(labels, y)
		}
		logits[5], labels[1] = nan, 0 // a bad row is skipped
		got, err := FitTemperature(logits, classes, labels)
		if err != nil || math.Abs(got/scale-1) > 0.03 {
			t.Errorf("scale %v: T %v, %v", scale, got, err)
		}
	}
}

func TestFitTemperatureByHand(t *testing.T) {
	// Odds e^(1/T) must match 3 right in 4: T = 1/ln 3.
	got, err := FitTemperature([]float32{1, 0, 1, 0, 1, 0, 1, 0}, 2, []int{0, 0, 0, 1})
	if err != nil || math.Abs(got-1/math.Log(3)) > 1e-4 {
		t.Errorf("T %v, %v; want %v", got, err, 1/math.Log(3))
	}
	if got, _ := FitTemperature([]float32{1, 0, 0, 1}, 2, []int{0, 1}); got > 0.011 {
		t.Errorf("separable rows: T %v, want the lower end", got)
	}
}

func TestFitTemperatureErrors(t *testing.T) {
	for name, c := range map[string]struct {
		logits  []float32
		classes int
		labels  []int
	}{
		"no rows": {nil, 2, nil}, "no classes": {nil, 0, []int{0}}, "ragged": {[]float32{1, 2, 3}, 2, []int{0}},
		"rows": {[]float32{1, 2}, 2, []int{0, 1}}, "label": {[]float32{1, 2}, 2, []int{2}},
		"negative": {[]float32{1, 2}, 2, []int{-1}}, "all bad": {[]float32{nan, 2}, 2, []int{0}},
	} {
		if _, err := FitTemperature(c.logits, c.classes, c.labels); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
