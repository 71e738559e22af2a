package mock_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
)

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func newWorld(t testing.TB, c mock.Config) *mock.World {
	t.Helper()
	w, err := mock.NewWorld(c, source())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestConfigsRefused(t *testing.T) {
	for name, c := range map[string]mock.Config{
		"probability above 1":      {Insufficient: 1.1},
		"negative probability":     {LostAnswers: -0.1},
		"probability not a number": {HalfGranted: math.NaN()},
		"infinite probability":     {Unregistered: math.Inf(1)},
		"negative rate":            {Interruptions: -1},
		"rate not a number":        {Crashes: math.NaN()},
		"infinite rate":            {Crashes: math.Inf(1)},
		"negative median":          {Boot: mock.Spread{Median: -1}},
		"p99 below the median":     {Cold: mock.Spread{Median: 2, P99: 1}},
		"p99 of no median":         {Answer: mock.Spread{P99: 1}},
		"p99 above a year":         {Boot: mock.Spread{Median: 1, P99: provisioner.Never}},
		"empty outage":             {Outages: []mock.Window{{From: 1, To: 1}}},
		"negative outage":          {Outages: []mock.Window{{From: -1, To: 1}}},
		"negative notice":          {Notice: -1},
		"negative keep-alive":      {KeepAlive: -1},
		"negative concurrency":     {Concurrency: -1},
	} {
		if _, err := mock.NewWorld(c, source()); !errors.Is(err, mock.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mock.NewWorld(mock.Config{}, nil); !errors.Is(err, mock.ErrConfig) {
		t.Errorf("no source of randomness: %v", err)
	}
}

// 100,000 boots have the median and the 99th percentile that were asked for.
func TestSpread(t *testing.T) {
	w := newWorld(t, mock.Config{Boot: mock.Spread{Median: 40 * time.Second, P99: 120 * time.Second}})
	var boots []float64
	for _, life := range w.Launch(0, offer, 100_000).VMs {
		boots = append(boots, life.Boot.Seconds())
	}
	slices.Sort(boots)
	for _, c := range []struct{ q, want float64 }{{0.5, 40}, {0.99, 120}} {
		if got := boots[int(c.q*float64(len(boots)))]; math.Abs(got/c.want-1) > 0.03 {
			t.Errorf("quantile %v: %v s, want %v", c.q, got, c.want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	size := provisioner.FunctionOffer{Name: "f", MemoryMB: 128, PerGBSecond: 1}
	for name, o := range map[string]mock.Options{
		"VM without a price":        {VMs: []provisioner.VMOffer{{Name: "v"}}},
		"two VMs of one name":       {VMs: []provisioner.VMOffer{offer, offer}},
		"function without a size":   {Functions: []provisioner.FunctionOffer{{Name: "f"}}},
		"two functions of one name": {Functions: []provisioner.FunctionOffer{size, size}},
	} {
		if _, err := mock.Open(o); !errors.Is(err, mock.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
