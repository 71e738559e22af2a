package planner

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// Three exponential stages of 10 ms: Erlang's distribution, whose 99th percentile is 84.06 ms and
// whose share within 50 ms is 1 - exp(-5) * (1 + 5 + 12.5) = 0.87535.
func TestConvolutionOfExponentials(t *testing.T) {
	means := []time.Duration{1e7, 1e7, 1e7}
	times, err := profile.Exponential(means)
	if err != nil {
		t.Fatal(err)
	}
	d := newSpread(0.25)
	d.at[0] = 1
	for s := range means {
		next := newSpread(0.25)
		next.add(d, 1, pointsOf(times, s, 1)...)
		d = next
	}
	if got := d.all(); math.Abs(got-1) > 1e-9 {
		t.Errorf("%v in all", got)
	}
	if got := d.within(0.05); math.Abs(got-0.87535) > 0.005 {
		t.Errorf("%v within 50 ms", got)
	}
	if got := d.quantile(0.99).Seconds(); math.Abs(got-0.08406) > 0.001 {
		t.Errorf("99 %% within %v", got)
	}
	if d.quantile(1) != math.MaxInt64 && d.beyond > 0 {
		t.Errorf("the end of the grid: %v", d.quantile(1))
	}
}

// A time between two points of the grid keeps its mean; beyond the end it is beyond.
func TestPointsOnTheGrid(t *testing.T) {
	d := newSpread(gridPoints * 0.001) // 1 ms apart
	d.put(point{0.0103, 0.5})
	d.put(point{7, 0.5})
	mean := 0.0
	for i, x := range d.at {
		mean += x * float64(i) * d.step
	}
	if math.Abs(mean-0.00515) > 1e-9 || math.Abs(d.at[10]-0.35) > 1e-9 || d.beyond != 0.5 {
		t.Errorf("mean %v, %v at 10 ms, %v beyond", mean, d.at[10], d.beyond)
	}
	later := newSpread(gridPoints * 0.001)
	later.add(d, 1, point{0.505, 1}) // 10.3 ms later is beyond the end for a part
	if got := later.all(); math.Abs(got-1) > 1e-9 || later.beyond <= 0.5 {
		t.Errorf("%v in all, %v beyond", got, later.beyond)
	}
}
