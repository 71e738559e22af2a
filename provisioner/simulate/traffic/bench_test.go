package traffic_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

const forever = 1 << 20 * time.Hour

// benchmark reports the time of an arrival.
func benchmark(b *testing.B, open func(r *rand.Rand) (traffic.Source, error)) {
	s, err := open(rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err == io.EOF {
			s, err = open(rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				b.Fatal(err)
			}
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPoisson(b *testing.B) {
	benchmark(b, func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(100, forever, r) })
}

func BenchmarkDaily(b *testing.B) {
	benchmark(b, func(r *rand.Rand) (traffic.Source, error) {
		return traffic.Varying(traffic.Daily(100, 0.5, 0), forever, r)
	})
}

func BenchmarkMMPP(b *testing.B) {
	benchmark(b, func(r *rand.Rand) (traffic.Source, error) {
		return traffic.MMPP([]traffic.State{{Rate: 10, Sojourn: time.Minute}, {Rate: 200, Sojourn: 10 * time.Second}}, forever, r)
	})
}

// hour is a trace of 50 to 99 requests in each second.
func hour(b *testing.B) traffic.Trace {
	var text strings.Builder
	for second := range 3600 {
		fmt.Fprintf(&text, "%d,%d\n", second, 50+second*7%50)
	}
	return trace(traffic.Counts, text.String())
}

func BenchmarkPlay(b *testing.B) {
	t := hour(b)
	benchmark(b, func(r *rand.Rand) (traffic.Source, error) { return t.Play(r) })
}

func BenchmarkRedraw(b *testing.B) {
	t := hour(b)
	for _, rate := range []float64{5, 50, 500} {
		b.Run(fmt.Sprintf("rate=%g", rate), func(b *testing.B) {
			benchmark(b, func(r *rand.Rand) (traffic.Source, error) { return t.Redraw(rate, 0, r) })
		})
	}
}

func BenchmarkSuperpose(b *testing.B) {
	t := hour(b)
	benchmark(b, func(r *rand.Rand) (traffic.Source, error) { return t.Superpose(8, 5*time.Minute, r) })
}

func BenchmarkTimestamps(b *testing.B) {
	var text strings.Builder
	begin := time.Date(2023, 11, 16, 18, 0, 0, 0, time.UTC)
	for i := range 100_000 {
		fmt.Fprintln(&text, begin.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02 15:04:05.0000000")+",374,44")
	}
	t := trace(traffic.Timestamps, text.String())
	benchmark(b, func(*rand.Rand) (traffic.Source, error) { return t.Play(nil) })
}
