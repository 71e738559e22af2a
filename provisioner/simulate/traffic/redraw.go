package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Smoothing is the window of Redraw if none is given.
const Smoothing = time.Minute

// Redraw is a Poisson process whose rate follows that of the trace and whose mean is the
// one given. The shape is that of the recorded traffic; the burstiness within the window is
// that of as many independent users as the rate has. To multiply counts instead would make
// traffic burstier than any real one.
//
// The rate of each second is the mean over it and half of the window before and after,
// cut off at the ends of the trace. The window is at most a day; 0 means Smoothing, and less than 2 s
// takes each second by itself. Redraw reads the trace once to learn its mean, and again as
// the arrivals are drawn. A mean above 0 of a trace without requests is an error.
func (t Trace) Redraw(mean float64, window time.Duration, r *rand.Rand) (SourceCloser, error) {
	if err := checkRate("a mean rate", mean); err != nil {
		return nil, err
	}
	if err := checkRun(0, r); err != nil {
		return nil, err
	}
	if window < 0 || window > 24*time.Hour {
		return nil, fmt.Errorf("%w: a window of %v: use at most a day", ErrSettings, window)
	}
	if window == 0 {
		window = Smoothing
	}
	half := int(window / 2 / time.Second)
	smoothed, err := t.meanSmoothed(half)
	if err != nil {
		return nil, err
	}
	if smoothed == 0 && mean > 0 {
		return nil, fmt.Errorf("%w: %v requests per second on the model of a trace that has none: use a trace with requests, or Poisson", ErrSettings, mean)
	}
	rates, err := openSmooth(t, half)
	if err != nil {
		return nil, err
	}
	s := &redrawn{rows: rates.seconds.rows, rates: rates}
	if mean > 0 {
		s.scale = mean / smoothed
	}
	s.stretches = stretches{rand: r, change: s.second}
	return s, nil
}

// Rates are those of each second that Redraw draws at with this mean and window: what is known of
// the traffic to whoever knows all but the draw.
func (t Trace) Rates(mean float64, window time.Duration) ([]float64, error) {
	s, err := t.Redraw(mean, window, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var rates []float64
	for {
		_, rate, err := s.(*redrawn).second()
		if err == io.EOF {
			return rates, nil
		}
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
}

// meanSmoothed is the mean of the smoothed rate, which differs from that of the trace
// by what happens near its ends.
func (t Trace) meanSmoothed(half int) (float64, error) {
	rates, err := openSmooth(t, half)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for {
		rate, err := rates.next()
		if err == io.EOF {
			return sum / float64(rates.read), nil
		}
		if err != nil {
			return 0, err
		}
		sum += rate
	}
}

type redrawn struct {
	stretches
	*rows
	rates *smooth
	scale float64
}

// second is the next.
func (s *redrawn) second() (until, rate float64, err error) {
	rate, err = s.rates.next()
	return float64(s.rates.at) * 1e9, rate * s.scale, err
}
