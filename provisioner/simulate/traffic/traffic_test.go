package traffic_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func open[S traffic.Source](t testing.TB) func(s S, err error) S {
	t.Helper()
	return func(s S, err error) S {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// drain is all arrivals; they never decrease, are before length, and io.EOF stays.
func drain(t testing.TB, s traffic.Source, length time.Duration) (times []time.Duration) {
	t.Helper()
	last := time.Duration(0)
	for {
		at, err := s.Next()
		if err != nil {
			if _, again := s.Next(); err != io.EOF || again != io.EOF {
				t.Fatalf("after %d arrivals: %v, and then %v", len(times), err, again)
			}
			return times
		}
		if at < last || at >= length {
			t.Fatalf("arrival %d at %v, after one at %v, of %v", len(times), at, last, length)
		}
		times, last = append(times, at), at
	}
}

// counts is the number of arrivals in each bin.
func counts(times []time.Duration, bin, length time.Duration) []float64 {
	n := make([]float64, length/bin)
	for _, at := range times {
		n[at/bin]++
	}
	return n
}

// near fails beyond five standard deviations, which a right value exceeds by chance with
// a probability below 1e-6 if it is about normal.
func near(t testing.TB, what string, got, want, deviation float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 5*deviation) {
		t.Errorf("%s: got %v, want %v with standard deviation %v", what, got, want, deviation)
	}
}

// uniform fails if values are not uniform on [0,1): the Kolmogorov-Smirnov statistic
// times sqrt(n) exceeds 2.7 with probability 2*exp(-2*2.7^2) < 1e-6.
func uniform(t testing.TB, what string, values []float64) {
	t.Helper()
	slices.Sort(values)
	n, distance := float64(len(values)), 0.0
	for i, v := range values {
		distance = max(distance, float64(i+1)/n-v, v-float64(i)/n)
	}
	if n == 0 || distance*math.Sqrt(n) > 2.7 {
		t.Errorf("%s: %v values, Kolmogorov-Smirnov distance %v", what, n, distance)
	}
}

// likePoisson fails if bins do not hold what a Poisson process puts into them: the sum of
// (got-want)^2/want has mean bins, and variance 2*bins + the sum of 1/want.
func likePoisson(t testing.TB, what string, got, want []float64) {
	t.Helper()
	sum, variance := 0.0, 0.0
	for i := range want {
		sum += (got[i] - want[i]) * (got[i] - want[i]) / want[i]
		variance += 2 + 1/want[i]
	}
	near(t, what, sum, float64(len(want)), math.Sqrt(variance))
}

// dispersion is variance over mean: 1 of a Poisson process.
func dispersion(counts []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, n := range counts {
		mean += n / float64(len(counts))
	}
	for _, n := range counts {
		squares += (n - mean) * (n - mean)
	}
	return squares / float64(len(counts)-1) / mean
}

func want(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// fails checks that an error wraps a sentinel and says something.
func fails(t testing.TB, what string, err, sentinel error, says string) {
	t.Helper()
	if !errors.Is(err, sentinel) || !strings.Contains(fmt.Sprint(err), says) {
		t.Errorf("%s: error %v, want %v that says %q", what, err, sentinel, says)
	}
}

// trace is one whose file has that text.
func trace(f traffic.Format, text string) traffic.Trace {
	return traffic.Trace{Format: f, Open: (&files{text: text}).open}
}

// files counts how often a file is open.
type files struct {
	text           string
	opened, closed int
}

func (f *files) open() (io.ReadCloser, error) {
	f.opened++
	return &file{strings.NewReader(f.text), f}, nil
}

type file struct {
	io.Reader
	files *files
}

func (f *file) Close() error {
	f.files.closed++
	return nil
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// recording is Counts of as many seconds, each with some requests.
func recording(seconds int) string {
	var text strings.Builder
	for second := range seconds {
		fmt.Fprintf(&text, "%d,%d\n", second, 50+second*7%50)
	}
	return text.String()
}

// sources is one of each kind, by name; each lasts at least 10 minutes.
func sources(t testing.TB, r *rand.Rand) map[string]traffic.Source {
	recorded := trace(traffic.Counts, recording(600))
	must := open[traffic.Source](t)
	closer := open[traffic.SourceCloser](t)
	return map[string]traffic.Source{
		"Poisson":   must(traffic.Poisson(100, time.Hour, r)),
		"Varying":   must(traffic.Varying(traffic.Daily(100, 0.5, 0), time.Hour, r)),
		"MMPP":      must(traffic.MMPP([]traffic.State{{100, time.Second}, {50, time.Second}}, time.Hour, r)),
		"Play":      closer(recorded.Play(r)),
		"Redraw":    closer(recorded.Redraw(100, 0, r)),
		"Superpose": closer(recorded.Superpose(3, time.Minute, r)),
	}
}

func TestTheSameSeedGivesTheSameArrivals(t *testing.T) {
	for name := range sources(t, seeded()) {
		first := drain(t, sources(t, seeded())[name], time.Hour)
		if again := drain(t, sources(t, seeded())[name], time.Hour); !slices.Equal(first, again) {
			t.Errorf("%s: %d arrivals, and then %d others", name, len(first), len(again))
		}
		if len(first) < 1000 {
			t.Errorf("%s: %d arrivals", name, len(first))
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	for name, s := range sources(t, seeded()) {
		n := testing.AllocsPerRun(5000, func() {
			if _, err := s.Next(); err != nil {
				t.Fatal(name, err)
			}
		})
		want(t, name, n, 0)
	}
}
