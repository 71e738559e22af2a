package depth

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// replay is a source of the recorded exits with their own reach.
func replay(t testing.TB, exits []int, stages int, mean float64, seed uint64) Source {
	recorded, err := NewRecorded(Exits{"m", exits}, "m", stages)
	if err != nil {
		t.Fatal(err)
	}
	ranks, err1 := recorded.Blocks(mean, random(seed))
	reach, err2 := Fixed(recorded.Reach())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return New(ranks, reach)
}

// With no end to a block the rows come as they were recorded, from some row on, each to its
// very stage although its rank was drawn.
func TestReplayKeepsEveryExit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		exits := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 60).Draw(rt, "exits")
		got := take(replay(t, exits, 8, math.Inf(1), rapid.Uint64().Draw(rt, "seed")), 0, 3*len(exits))
		for start := range exits {
			if slices.Equal(got, slices.Repeat(slices.Concat(exits[start:], exits[:start]), 3)) {
				return
			}
		}
		rt.Fatalf("%v is not %v in its order", got, exits)
	})
}

// Of rows recorded in runs of 100, blocks keep runs, the more the longer they are, and
// single rows keep none.
func TestBlocksKeepRuns(t *testing.T) {
	var exits []int
	for i := range 2000 {
		exits = append(exits, i/100%2)
	}
	for _, c := range []struct{ mean, low, high float64 }{
		{1, 1.9, 2.1}, // that of a fair coin
		// A run ends with a row in 100, or where a block ends, half of the time.
		{20, 25, 33},
		{1e6, 99, 101},
	} {
		if got := run(take(replay(t, exits, 2, c.mean, 1), 0, 100_000)); got < c.low || got > c.high {
			t.Errorf("blocks of %v: runs of %v, want %v to %v", c.mean, got, c.low, c.high)
		}
	}
}

func TestRecordedReach(t *testing.T) {
	exits := []int{0, 3, 0, 1}
	recorded, err := NewRecorded(Exits{"m", exits}, "m", 5)
	if err != nil {
		t.Fatal(err)
	}
	exits[0] = 99
	recorded.Reach()[1] = 7
	if got := recorded.Reach(); !slices.Equal(got, []float64{1, 0.5, 0.25, 0.25, 0}) {
		t.Errorf("reach %v", got)
	}
	ranks, err := recorded.Blocks(1, random(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if u := ranks(); !(u >= 0 && u < 1) {
			t.Fatalf("rank %v", u)
		}
	}
}

func TestRecordedRefuses(t *testing.T) {
	for _, c := range []struct {
		exits  Exits
		stages int
		says   string
	}{
		{Exits{"other", []int{0}}, 2, `of model "other", and this is "m"`},
		{Exits{"m", nil}, 2, "no exits"},
		{Exits{"m", []int{0, 2}}, 2, "row 1 left at stage 2, counted from 0, of 2"},
		{Exits{"m", []int{-1}}, 2, "row 0 left at stage -1"},
		{Exits{"m", []int{0}}, 0, "of 0"},
		{Exits{"m", []int{0}}, -1, "of -1"},
	} {
		if _, err := NewRecorded(c.exits, "m", c.stages); !errors.Is(err, ErrDepth) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.exits, err, c.says)
		}
	}
	recorded, err := NewRecorded(Exits{"m", []int{0}}, "m", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, mean := range []float64{0.99, 0, -1, math.NaN()} {
		if _, err := recorded.Blocks(mean, random(1)); !errors.Is(err, ErrDepth) || !strings.Contains(err.Error(), "at least 1") {
			t.Errorf("blocks of %v: %v", mean, err)
		}
	}
}

// A rank that rounds up to the next stage's must not move its row there.
func TestWithin(t *testing.T) {
	low, u := 0.5, 1-0x1p-53
	high := math.Nextafter(low, 1)
	if got := within(low, high, u); got != low {
		t.Errorf("%v of [%v,%v): %v", u, low, high, got)
	}
}
