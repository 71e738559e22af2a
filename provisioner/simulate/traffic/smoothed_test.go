package traffic_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Smoothed is what Rates are of the same counts as a trace, but for the mean.
func TestSmoothed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	counts, text, sum := make([]uint32, 300), strings.Builder{}, 0.0
	for i := range counts {
		counts[i] = r.Uint32N(20)
		fmt.Fprintf(&text, "%d,%d\n", i, counts[i])
	}
	got, err := traffic.Smoothed(counts, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range got {
		sum += x / 300
	}
	want, err := trace(traffic.Counts, text.String()).Rates(sum, 0)
	if err != nil || !slices.EqualFunc(got, want, func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }) {
		t.Errorf("%v\n%v, want\n%v", err, got, want)
	}
	if each, err := traffic.Smoothed([]uint32{1, 5}, time.Second); err != nil || !slices.Equal(each, []float64{1, 5}) {
		t.Error(each, err)
	}
	if _, err := traffic.Smoothed(counts, -1); !errors.Is(err, traffic.ErrSettings) {
		t.Error(err)
	}
}
