package profile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// one is a profile of one stage.
func one(t *testing.T, batches ...Batch) *Profile {
	t.Helper()
	p, err := New("m", "o", [][]Batch{batches})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestQuantilesOfOneSize(t *testing.T) {
	p := one(t, Batch{1, []time.Duration{100, 200, 400, 1000}})
	for q, want := range map[float64]time.Duration{
		-1: 100, 0: 100, 0.125: 100, 0.25: 150, 0.375: 200, 0.5: 300, 0.625: 400, 0.75: 700, 0.875: 1000, 1: 1000, 2: 1000,
	} {
		if got := p.Quantile(0, 1, q); got != want {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
	if got := p.Mean(0, 1); got != 425 {
		t.Errorf("mean %d", got)
	}
	if got := p.Quantile(0, 0, 0.5); got != 300 {
		t.Errorf("no rows: %d, want what 1 row takes", got)
	}
}

// Without the longest of 100 samples, every tail in a simulation would be too good.
func TestTheTailIsDrawn(t *testing.T) {
	samples := slices.Repeat([]time.Duration{1000}, 99)
	p, r := one(t, Batch{1, append(samples, 1_000_000)}), random()
	const draws = 200_000
	longest, sum := 0, 0.0
	for range draws {
		d := p.Draw(0, 1, r)
		sum += float64(d)
		if d == 1_000_000 {
			longest++
		}
	}
	if share := float64(longest) / draws; math.Abs(share-0.005) > 0.001 {
		t.Errorf("the longest was drawn in %v of cases, want half of 1 in 100", share)
	}
	if mean := sum / draws; math.Abs(mean-10_990) > 500 {
		t.Errorf("mean of the draws %v, want that of the samples, 10990", mean)
	}
}

func TestOtherBatchSizes(t *testing.T) {
	measured := []Batch{{1, []time.Duration{100, 300}}, {4, []time.Duration{400, 600}}, {8, []time.Duration{800, 1200}}}
	falling := []Batch{{1, []time.Duration{100, 300}}, {4, []time.Duration{50, 100}}}
	for _, c := range []struct {
		what                 string
		batches              []Batch
		rows                 int
		shortest, mean, most time.Duration
	}{
		{"measured", measured, 4, 400, 500, 600},
		{"a third of the way from 1 to 4", measured, 2, 200, 300, 400},
		{"halfway from 4 to 8", measured, 6, 600, 750, 900},
		{"beyond 8, where 4 rows more take 500 more", measured, 16, 1600, 2000, 2400},
		{"beyond the only size", measured[:1], 10, 1000, 2000, 3000},
		{"between sizes that fall", falling, 2, 83, 158, 233},
		{"beyond sizes that fall", falling, 40, 50, 75, 100},
	} {
		p := one(t, c.batches...)
		if s, m, l := p.Quantile(0, c.rows, 0), p.Mean(0, c.rows), p.Quantile(0, c.rows, 1); s != c.shortest || m != c.mean || l != c.most {
			t.Errorf("%s: %d, %d, %d, want %d, %d, %d", c.what, s, m, l, c.shortest, c.mean, c.most)
		}
	}
	if got := one(t, Batch{1, []time.Duration{longest}}).Quantile(0, math.MaxInt, 1); got != math.MaxInt64 {
		t.Errorf("more than a Duration holds: %v", got)
	}
}

// anyProfile has one stage with up to four sizes.
func anyProfile(t *rapid.T) *Profile {
	var batches []Batch
	for rows := 1; len(batches) < 4 && (rows == 1 || rapid.Bool().Draw(t, "more")); rows += rapid.IntRange(1, 20).Draw(t, "step") {
		ns := rapid.SliceOfN(rapid.Int64Range(1, int64(longest)), 1, 50).Draw(t, "samples")
		slices.Sort(ns)
		b := Batch{Rows: rows}
		for _, x := range ns {
			b.Samples = append(b.Samples, time.Duration(x))
		}
		batches = append(batches, b)
	}
	p, err := New("m", "o", [][]Batch{batches})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever was measured, a longer quantile is no shorter, draws lie between the ends,
// and the mean is that of the quantiles.
func TestQuantilesAreADistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, rows := anyProfile(t), rapid.IntRange(1, 200).Draw(t, "rows")
		const steps = 4000
		sum, before := 0.0, time.Duration(0)
		for i := range steps {
			x := p.Quantile(0, rows, (float64(i)+0.5)/steps)
			if x < before || x < 1 {
				t.Fatalf("quantile %d/%d is %d after %d", i, steps, x, before)
			}
			sum, before = sum+float64(x), x
		}
		most := p.Quantile(0, rows, 1)
		if mean := float64(p.Mean(0, rows)); math.Abs(sum/steps-mean) > 0.02*float64(most)+1 {
			t.Fatalf("mean %v, of the quantiles %v", mean, sum/steps)
		}
		r := random()
		for range 20 {
			if d := p.Draw(0, rows, r); d < p.Quantile(0, rows, 0) || d > most {
				t.Fatalf("%d was drawn, above %d", d, most)
			}
		}
	})
}

func TestDrawsFollowTheSeed(t *testing.T) {
	p, a, b := one(t, Batch{1, []time.Duration{1, 1000}}), random(), random()
	for range 100 {
		if x, y := p.Draw(0, 3, a), p.Draw(0, 3, b); x != y {
			t.Fatalf("%d and %d from the same seed", x, y)
		}
	}
}
