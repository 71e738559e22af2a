package depth

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// take is where n requests leave, all of them now.
func take(s Source, now time.Duration, n int) []int {
	exits := make([]int, n)
	for i := range exits {
		exits[i] = s.Next(now)
	}
	return exits
}

// observed is the share of exits that got as far as each of so many stages.
func observed(exits []int, stages int) []float64 {
	reach := make([]float64, stages)
	for _, e := range exits {
		for s := range e + 1 {
			reach[s] += 1 / float64(len(exits))
		}
	}
	return reach
}

// near compares two reach curves.
func near(a, b []float64, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= tolerance })
}

// run is the mean number of requests in a row that leave at the same stage.
func run(exits []int) float64 {
	runs := 1
	for i := 1; i < len(exits); i++ {
		if exits[i] != exits[i-1] {
			runs++
		}
	}
	return float64(len(exits)) / float64(runs)
}

func anyReach(t *rapid.T) []float64 {
	reach := append(rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 5).Draw(t, "reach"), 1)
	slices.Sort(reach)
	slices.Reverse(reach)
	return reach
}

// The order of ranks changes no shares: any process with any reach has that reach.
func TestReachIsWhatWasAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reach, r := anyReach(t), random(rapid.Uint64().Draw(t, "seed"))
		fixed, err := Fixed(reach)
		if err != nil {
			t.Fatal(err)
		}
		independent, err1 := Independent(reach, r)
		persistent, err2 := Persistent(2, r)
		recorded, err3 := NewRecorded(Exits{"m", take(independent, 0, 500)}, "m", len(reach))
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		blocks, err := recorded.Blocks(5, r)
		if err != nil {
			t.Fatal(err)
		}
		own, err := Fixed(recorded.Reach())
		if err != nil {
			t.Fatal(err)
		}
		// 8 standard errors of 20,000 draws, and more where draws are alike.
		for _, c := range []struct {
			what      string
			source    Source
			reach     []float64
			tolerance float64
		}{
			{"independent", independent, reach, 0.03},
			{"persistent", New(persistent, fixed), reach, 0.06},
			{"blocks", New(blocks, own), recorded.Reach(), 0.06},
			{"blocks with another reach", New(blocks, fixed), reach, 0.06},
		} {
			if got := observed(take(c.source, 0, 20_000), len(reach)); !near(got, c.reach, c.tolerance) {
				t.Fatalf("%s: reach %v, want %v", c.what, got, c.reach)
			}
		}
	})
}

func TestPersistentDepthComesInRuns(t *testing.T) {
	fixed, err := Fixed([]float64{1, 0.5, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	before := run(take(New(Uniform(random(1)), fixed), 0, 50_000))
	// The chance of two independent requests leaving alike is 0.5^2 + 0.4^2 + 0.1^2.
	if math.Abs(before-1/(1-0.42)) > 0.05 {
		t.Errorf("runs of %v without persistence", before)
	}
	for _, length := range []float64{2, 20, 200} {
		ranks, err := Persistent(length, random(1))
		if err != nil {
			t.Fatal(err)
		}
		got := run(take(New(ranks, fixed), 0, 50_000))
		if got < 1.3*before {
			t.Errorf("length %v: runs of %v, and of %v when it was shorter", length, got, before)
		}
		before = got
	}
}

// Ranks k apart are correlated as documented: a pair of normals with correlation c has
// ranks with correlation 6/pi * asin(c/2).
func TestPersistentCorrelation(t *testing.T) {
	const length, n = 5, 200_000
	ranks, err := Persistent(length, random(3))
	if err != nil {
		t.Fatal(err)
	}
	u := make([]float64, n)
	for i := range u {
		u[i] = ranks() - 0.5
	}
	for _, k := range []int{1, 5, 15} {
		sum := 0.0
		for i := k; i < n; i++ {
			sum += u[i] * u[i-k]
		}
		got, want := 12*sum/float64(n-k), 6/math.Pi*math.Asin(math.Exp(-float64(k)/length)/2)
		if math.Abs(got-want) > 0.03 {
			t.Errorf("%d apart: correlation %v, want %v", k, got, want)
		}
	}
}

func TestSameSeedSameDepths(t *testing.T) {
	make := func(seed uint64) []int {
		ranks, err1 := Persistent(10, random(seed))
		wave, err2 := Wave([]float64{1, 0.5}, []float64{1, 0.2}, time.Hour)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		s, exits := New(ranks, wave), []int(nil)
		for i := range 1000 {
			exits = append(exits, s.Next(time.Duration(i)*time.Second))
		}
		return exits
	}
	if a := make(7); !slices.Equal(a, make(7)) || slices.Equal(a, make(8)) {
		t.Error("depths do not follow the seed")
	}
}

func TestRanksRefuse(t *testing.T) {
	for _, length := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Persistent(length, random(1)); !errors.Is(err, ErrDepth) || !strings.Contains(err.Error(), "Uniform") {
			t.Errorf("length %v: %v", length, err)
		}
	}
	if _, err := Independent([]float64{0.5}, random(1)); !errors.Is(err, ErrDepth) {
		t.Errorf("reach that does not begin with 1: %v", err)
	}
	// So far out that the probability rounds to 1.
	ranks, err := Persistent(1e-9, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if u := ranks(); !(u >= 0 && u < 1) {
			t.Fatalf("rank %v", u)
		}
	}
}
