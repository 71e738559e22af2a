package traffic_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// A trace that comes in bursts of one second, ten times fewer in its second half, is
// redrawn with its shape and without its bursts.
func TestRedraw(t *testing.T) {
	const seconds, mean, half = 2000, 50.0, 30
	var text strings.Builder
	recorded := make([]float64, seconds)
	for i := range recorded {
		if i%2 == 1 {
			recorded[i] = 200
			if i > seconds/2 {
				recorded[i] = 20
			}
		}
		fmt.Fprintf(&text, "%d,%v\n", i, recorded[i])
	}
	smoothed, total := make([]float64, seconds), 0.0
	for i := range smoothed {
		first, end := max(i-half, 0), min(i+half+1, seconds)
		for _, n := range recorded[first:end] {
			smoothed[i] += n / float64(end-first)
		}
		total += smoothed[i]
	}
	expected := make([]float64, seconds/20)
	for i, rate := range smoothed {
		expected[i/20] += rate * mean * seconds / total
	}

	times := drain(t, open[traffic.SourceCloser](t)(trace(traffic.Counts, text.String()).Redraw(mean, 0, seeded())), seconds*time.Second)
	near(t, "arrivals", float64(len(times)), mean*seconds, math.Sqrt(mean*seconds))
	likePoisson(t, "shape", counts(times, 20*time.Second, seconds*time.Second), expected)
	// The estimate of n seconds has a deviation of about sqrt(2/n). The smoothed rate varies
	// by 1.6 %, which at 91 a second adds 0.02.
	each := counts(times, time.Second, seconds*time.Second)[100:900]
	near(t, "dispersion", dispersion(each), 1.02, math.Sqrt(2.0/800))
	near(t, "recorded", dispersion(recorded[100:900]), 100*800.0/799, 1e-9)
}

// Without smoothing, silence stays silence, also where no line is.
func TestRedrawTimestamps(t *testing.T) {
	tr := trace(traffic.Timestamps, "0\n0.5\n7.2\n")
	tr.To = 20 * time.Second
	times := drain(t, open[traffic.SourceCloser](t)(tr.Redraw(100, time.Second, seeded())), 8*time.Second)
	n := counts(times, time.Second, 8*time.Second)
	want(t, "silent", fmt.Sprint(n[1:7]), "[0 0 0 0 0 0]")
	near(t, "first second", n[0], 2000*2/3., math.Sqrt(2000*2/3.))
	near(t, "last second", n[7], 2000/3., math.Sqrt(2000/3.))
}

func TestRedrawNothing(t *testing.T) {
	silent := trace(traffic.Counts, "0,0\n1,0\n")
	for _, tr := range []traffic.Trace{silent, trace(traffic.Counts, "0,3\n")} {
		want(t, "no rate", len(drain(t, open[traffic.SourceCloser](t)(tr.Redraw(0, 0, seeded())), time.Second)), 0)
	}
	_, err := silent.Redraw(5, 0, seeded())
	fails(t, "silent", err, traffic.ErrSettings, "a trace that has none")
}

func TestWrongRedraw(t *testing.T) {
	tr := trace(traffic.Counts, "0,1\n")
	for _, window := range []time.Duration{-1, 24*time.Hour + 1} {
		_, err := tr.Redraw(5, window, seeded())
		fails(t, "window", err, traffic.ErrSettings, "use at most a day")
	}
	_, err := tr.Redraw(5, 0, nil)
	fails(t, "rand", err, traffic.ErrSettings, "give a *rand.Rand")

	f, gone := &files{text: "0,1\n"}, errors.New("gone")
	tr.Open = func() (io.ReadCloser, error) {
		if f.opened == 1 {
			return nil, gone
		}
		return f.open()
	}
	_, err = tr.Redraw(5, 0, seeded())
	fails(t, "gone after the first pass", err, gone, "opening a trace")
}

// The rates that Redraw draws at can be had without drawing.
func TestRates(t *testing.T) {
	rates, err := trace(traffic.Counts, "0,2\n1,0\n2,4\n").Rates(10, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "rates", fmt.Sprint(rates), "[10 0 20]")
	if _, err := trace(traffic.Counts, "0,2\n1,x\n").Rates(10, 0); !errors.Is(err, traffic.ErrTrace) {
		t.Errorf("a bad trace: %v", err)
	}
}

func TestSeconds(t *testing.T) {
	rates := make([]float64, 2000)
	expected := make([]float64, len(rates)/20)
	for i := range rates {
		rates[i] = float64(i%40) * 5
		expected[i/20] += rates[i]
	}
	times := drain(t, open[traffic.Source](t)(traffic.Seconds(rates, seeded())), 2000*time.Second)
	likePoisson(t, "counts", counts(times, 20*time.Second, 2000*time.Second), expected)
	if n := counts(times, time.Second, 2000*time.Second); n[0] != 0 || n[40] != 0 {
		t.Errorf("requests at rate 0: %v and %v", n[0], n[40])
	}
	if _, err := traffic.Seconds([]float64{1, -1}, seeded()); !errors.Is(err, traffic.ErrSettings) {
		t.Errorf("a negative rate: %v", err)
	}
}
