package simulate

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is a distribution of times, in seconds. The mean is that of the times themselves; quantiles and the
// largest are good to 0.1 %, or to a microsecond.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// histogram collects times in memory that does not grow with their number.
type histogram struct {
	*hdrhistogram.Histogram
	sum   float64 // nanoseconds: those of a billion requests are more than a Duration holds
	count int64
}

// longest is the longest time that a histogram tells from longer ones.
const longest = 24 * time.Hour

func newHistogram() *histogram {
	return &histogram{Histogram: hdrhistogram.New(1, longest.Microseconds(), 3)}
}

func (h *histogram) record(d time.Duration) {
	h.sum += float64(d)
	h.count++
	_ = h.RecordValue(min(d, longest).Microseconds())
}

func (h *histogram) summary() Latency {
	if h.count == 0 {
		return Latency{}
	}
	q := func(percent float64) float64 {
		return (time.Duration(h.ValueAtQuantile(percent)) * time.Microsecond).Seconds()
	}
	return Latency{Mean: h.sum / 1e9 / float64(h.count), P50: q(50), P90: q(90), P99: q(99), P999: q(99.9), Max: q(100)}
}
