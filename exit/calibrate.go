package exit

import (
	"errors"
	"fmt"
	"math"
)

// The range in which a temperature is sought.
const (
	minTemperature = 0.01
	maxTemperature = 100
)

// FitTemperature returns the temperature in [0.01, 100] that minimises the
// negative log-likelihood of labels under softmax(logits/T) (temperature
// scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
//
// logits is rows x classes, row-major; labels has one class in [0,classes) per
// row. Rows with a NaN or an infinity are skipped. It is an error if the shapes
// disagree, a label is out of range, or no usable row is left. If every usable
// row is already predicted correctly the likelihood has no interior optimum,
// and the answer is the lower end of the range.
func FitTemperature(logits []float32, classes int, labels []int) (float64, error) {
	if err := checkShape(logits, classes, labels); err != nil {
		return 0, err
	}
	rows := make([]int, 0, len(labels))
	for i := range labels {
		if _, _, ok := topTwo(row(logits, classes, i)); ok {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return 0, errors.New("exit: every row holds a NaN or an infinity: no row to fit a temperature on")
	}
	return fitRows(logits, classes, labels, rows), nil
}

// checkShape checks one exit's logits against the labels.
func checkShape(logits []float32, classes int, labels []int) error {
	if classes < 1 {
		return fmt.Errorf("exit: %d classes: give 1 or more", classes)
	}
	if len(labels) == 0 {
		return errors.New("exit: no rows: give at least one labelled row")
	}
	if len(logits)%classes != 0 || len(logits)/classes != len(labels) {
		return fmt.Errorf("exit: %d logits for %d rows of %d classes: give rows x classes, row-major",
			len(logits), len(labels), classes)
	}
	for i, y := range labels {
		if y < 0 || y >= classes {
			return fmt.Errorf("exit: label %d of row %d: use a class from 0 to %d", y, i, classes-1)
		}
	}
	return nil
}

// row is a view of row i of a row-major matrix.
func row(logits []float32, classes, i int) []float32 {
	return logits[i*classes : (i+1)*classes]
}

// fitRows runs a golden-section search on ln T over the given finite rows. The
// loss is convex in 1/T, hence unimodal in ln T, so the section cannot settle
// in a local minimum.
func fitRows(logits []float32, classes int, labels, rows []int) float64 {
	const (
		golden    = 0.6180339887498949
		tolerance = 1e-5 // on ln T
	)
	loss := func(logT float64) float64 {
		return nll(logits, classes, labels, rows, math.Exp(logT))
	}
	lo, hi := math.Log(minTemperature), math.Log(maxTemperature)
	a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
	fa, fb := loss(a), loss(b)
	for hi-lo > tolerance {
		if fa <= fb { // a tie moves down, to the end that a separable set tends to
			hi, b, fb = b, a, fa
			a = hi - golden*(hi-lo)
			fa = loss(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + golden*(hi-lo)
			fb = loss(b)
		}
	}
	return math.Exp((lo + hi) / 2)
}

// nll is the summed negative log-likelihood, in nats, of labels at temperature t.
func nll(logits []float32, classes int, labels, rows []int, t float64) float64 {
	inverse := 1 / t
	total := 0.0
	for _, i := range rows {
		r := row(logits, classes, i)
		first, _, _ := topTwo(r)
		top, sum := float64(r[first]), 0.0
		for _, x := range r {
			sum += math.Exp((float64(x) - top) * inverse)
		}
		total += math.Log(sum) - (float64(r[labels[i]])-top)*inverse
	}
	return total
}
