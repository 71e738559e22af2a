package estimate_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

const quiet = -1 // a second without a count

func TestMovingByHand(t *testing.T) {
	// Gains of 0.2, counts 10, 20, 10, 0; the deviation first, then the mean:
	//
	//	x   |x-m|  dev                       var                    m
	//	10         0                         0                      10
	//	20  10     0+0.2*(10-0)     = 2      0+0.2*(100-0)   = 20    10+0.2*10    = 12
	//	10  2      2+0.2*(2-2)      = 2      20+0.2*(4-20)   = 16.8  12-0.2*2     = 11.6
	//	0   11.6   2+0.2*(11.6-2)   = 3.92   16.8+0.2*(134.56-16.8) = 40.352   11.6-0.2*11.6 = 9.28
	for name, c := range map[string]struct {
		kind estimate.Kind
		dev  []float64
	}{
		"absolute": {estimate.Absolute, []float64{0, 2, 2, 3.92}},
		"squared":  {estimate.Squared, []float64{0, math.Sqrt(20), math.Sqrt(16.8), math.Sqrt(40.352)}},
	} {
		m := estimate.Moving{Gains: estimate.Gains{Kind: c.kind}}
		for i, mean := range []float64{10, 12, 11.6, 9.28} {
			m.Observe(estimate.Counts{First: int64(i), Each: []int{[]int{10, 20, 10, 0}[i]}})
			if near(m.Mean(), mean) && near(m.Deviation(), c.dev[i]) {
				continue
			}
			t.Errorf("%s, after %d counts: %v and %v, want %v and %v", name, i+1, m.Mean(), m.Deviation(), mean, c.dev[i])
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestWhatCountsAreTaken(t *testing.T) {
	type ticks []estimate.Counts
	for name, c := range map[string]struct {
		ticks ticks
		mean  float64 // with a gain of one half
		ready bool
	}{
		"nothing":                  {ticks{{First: 5}}, 0, false},
		"not known":                {ticks{{Each: []int{quiet, quiet}}}, 0, false},
		"zero is a count":          {ticks{{Each: []int{8, 0}}}, 4, true},
		"a second without a count": {ticks{{Each: []int{8, quiet, 4}}}, 6, true},
		"a gap":                    {ticks{{Each: []int{8}}, {First: 30, Each: []int{4}}}, 6, true},
		"an hour's jump":           {ticks{{Each: []int{8}}, {First: 3600, Each: []int{4}}}, 6, true},
		"ticks that overlap":       {ticks{{Each: []int{8, 4}}, {First: 1, Each: []int{4, 6}}}, 6, true},
		"the same tick again":      {ticks{{Each: []int{8, 4}}, {Each: []int{8, 4}}}, 6, true},
		"set back by an hour":      {ticks{{First: 3600, Each: []int{8}}, {First: 0, Each: []int{4}}, {First: 1, Each: []int{6}}}, 6, true},
	} {
		m := estimate.Moving{Gains: estimate.Gains{Mean: 0.5}}
		for _, tick := range c.ticks {
			m.Observe(tick)
		}
		if m.Mean() != c.mean || m.Ready() != c.ready {
			t.Errorf("%s: mean %v, ready %v; want %v, %v", name, m.Mean(), m.Ready(), c.mean, c.ready)
		}
	}
}

func TestMovingRemembers(t *testing.T) {
	counts := estimate.Counts{First: 100, Each: []int{10, 20, 15}}
	for _, kind := range []estimate.Kind{estimate.Absolute, estimate.Squared} {
		gains := estimate.Gains{Mean: 0.1, Deviation: 0.3, Kind: kind}
		before := estimate.Moving{Gains: gains}
		before.Observe(counts)
		data, err := json.Marshal(&before)
		if err != nil {
			t.Fatal(err)
		}
		after := estimate.Moving{Gains: gains}
		if err := json.Unmarshal(data, &after); err != nil {
			t.Fatal(err)
		}
		next := estimate.Counts{First: 102, Each: []int{15, 40}} // one of them is known already
		before.Observe(next)
		after.Observe(next)
		if before.Mean() != after.Mean() || before.Deviation() != after.Deviation() {
			t.Errorf("kind %v: %v±%v after a restart, %v±%v without", kind, after.Mean(), after.Deviation(), before.Mean(), before.Deviation())
		}
	}
}

func TestMemoryThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		into json.Unmarshaler
		data string
	}{
		"no JSON":           {&estimate.Moving{}, `{`},
		"negative":          {&estimate.Moving{}, `{"mean":-1}`},
		"negative time":     {&estimate.Moving{}, `{"known":-1}`},
		"a long window":     {&estimate.Window{}, `{"seconds":[1],"counts":[]}`},
		"a negative window": {&estimate.Window{}, `{"seconds":[1],"counts":[-4]}`},
		"a bad histogram":   {&estimate.Forecast{}, `{"near":{"outcomes":[{"weight":[1],"sum":[1]}]}}`},
		"a bad situation":   {&estimate.Forecast{}, `{"made":[{"situation":3}]}`},
		"negative rates":    {&estimate.Forecast{}, `{"far":{"rates":[-1]}}`},
		"not a forecast":    {&estimate.Forecast{}, `[]`},
	} {
		if err := c.into.UnmarshalJSON([]byte(c.data)); !errors.Is(err, estimate.ErrState) {
			t.Errorf("%s: error %v, want ErrState", name, err)
		}
	}
}
