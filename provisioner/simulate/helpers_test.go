package simulate_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

const ms = time.Millisecond

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// script is traffic at given times.
type script []time.Duration

func (s *script) Next() (time.Duration, error) {
	if len(*s) == 0 {
		return 0, io.EOF
	}
	at := (*s)[0]
	*s = (*s)[1:]
	return at, nil
}

func scripted(at ...time.Duration) func(*rand.Rand) (traffic.Source, error) {
	return func(*rand.Rand) (traffic.Source, error) {
		s := script(slices.Clone(at))
		return &s, nil
	}
}

// depths are those given, over and over.
type depths struct {
	list []int
	i    int
}

func (d *depths) Next(time.Duration) int {
	d.i++
	return d.list[(d.i-1)%len(d.list)]
}

func scriptedDepths(list ...int) func(*rand.Rand) (depth.Source, error) {
	return func(*rand.Rand) (depth.Source, error) { return &depths{list: list}, nil }
}

func fixed(t testing.TB, means ...time.Duration) profile.Times {
	t.Helper()
	times, err := profile.Deterministic(means)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

func poisson(rate float64, length time.Duration) func(*rand.Rand) (traffic.Source, error) {
	return func(r *rand.Rand) (traffic.Source, error) { return traffic.Poisson(rate, length, r) }
}

func independent(reach ...float64) func(*rand.Rand) (depth.Source, error) {
	return func(r *rand.Rand) (depth.Source, error) { return depth.Independent(reach, r) }
}

func world(c mock.Config) func(*rand.Rand) (simulate.World, error) {
	return func(r *rand.Rand) (simulate.World, error) { return mock.NewWorld(c, r) }
}

func stages(first, last int) stage.Range { return stage.Range{First: first, Last: last} }

var (
	vmOffer = provisioner.VMOffer{Name: "vm", PerHour: 0.36, Minimum: time.Minute} // a hundredth of a cent a second
	fnOffer = provisioner.FunctionOffer{Name: "fn", MemoryMB: 1024, PerCall: 2e-7, PerGBSecond: 2e-5}
)
