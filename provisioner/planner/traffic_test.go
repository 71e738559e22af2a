package planner_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// moments are the mean and the standard deviation of the rates.
func moments(t planner.Traffic) (mean, deviation float64) {
	mean = t.Mean()
	for _, r := range t.Rates {
		deviation += r.Share * (r.PerSecond - mean) * (r.PerSecond - mean)
	}
	return mean, math.Sqrt(deviation)
}

func TestSteady(t *testing.T) {
	mean, deviation := moments(planner.Steady(100, 30))
	if math.Abs(mean-100) > 1e-9 || math.Abs(deviation-30) > 2 {
		t.Errorf("%v, deviation %v", mean, deviation)
	}
	if one := planner.Steady(100, 0); len(one.Rates) != 1 || one.Peak() != 100 {
		t.Errorf("%+v", one)
	}
}

// Counts of Poisson arrivals at 100 a second deviate by 10, all of it chance. If the rate is 50 and
// 150 by turns, what is left is its own deviation of 50.
func TestCountsWithoutChance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := func(rate float64) (n int) {
		for at := r.ExpFloat64(); at < rate; at += r.ExpFloat64() {
			n++
		}
		return n
	}
	var steady, turns []int
	for i := range 20000 {
		steady = append(steady, count(100))
		turns = append(turns, count(50+100*float64(i%2)))
	}
	if mean, deviation := moments(planner.Counts(steady)); math.Abs(mean-100) > 0.5 || deviation > 1.5 {
		t.Errorf("steady: %v, deviation %v", mean, deviation)
	}
	if mean, deviation := moments(planner.Counts(turns)); math.Abs(mean-100) > 0.5 || math.Abs(deviation-50) > 1 {
		t.Errorf("by turns: %v, deviation %v", mean, deviation)
	}
}

// arrivals are given times.
type arrivals []time.Duration

func (a *arrivals) Next() (time.Duration, error) {
	if len(*a) == 0 {
		return 0, io.EOF
	}
	at := (*a)[0]
	*a = (*a)[1:]
	return at, nil
}

func TestArrivals(t *testing.T) {
	source := &arrivals{0, 1, 2, 3, time.Second, 3 * time.Second, 3 * time.Second} // 4, 1, 0, 2
	got, err := planner.Arrivals(source)
	if err != nil {
		t.Fatal(err)
	}
	if mean := got.Mean(); math.Abs(mean-7.0/4) > 1e-12 {
		t.Errorf("%+v", got)
	}
	poisson := must(traffic.Poisson(50, time.Minute, rand.New(rand.NewPCG(1, 2))))
	if got, err := planner.Arrivals(poisson); err != nil || math.Abs(got.Mean()-50) > 4 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := planner.Arrivals(broken{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

type broken struct{}

func (broken) Next() (time.Duration, error) { return 0, io.ErrUnexpectedEOF }
