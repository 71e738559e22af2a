package traffic

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A moving average is what a sum over each window gives.
func TestSmooth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(t, "counts")
		half := rapid.IntRange(0, 25).Draw(t, "half")
		var text strings.Builder
		for i, n := range counts {
			fmt.Fprintf(&text, "%d,%d\n", i, n)
		}
		s, err := openSmooth(Trace{Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text.String())), nil
		}}, half)
		if err != nil {
			t.Fatal(err)
		}
		for i := range counts {
			window, sum := counts[max(i-half, 0):min(i+half+1, len(counts))], 0
			for _, n := range window {
				sum += n
			}
			got, err := s.next()
			if want := float64(sum) / float64(len(window)); err != nil || math.Abs(got-want) > 1e-12 {
				t.Fatalf("second %d: %v, %v, want %v", i, got, err, want)
			}
		}
		if _, err := s.next(); err != io.EOF {
			t.Fatal(err)
		}
	})
}
