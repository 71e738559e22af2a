package depth

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var from, to = []float64{1, 0.8, 0.4}, []float64{1, 0.4, 0.3}

func TestDrift(t *testing.T) {
	ramp, err1 := Ramp(from, to, 10*time.Second, 20*time.Second)
	step, err2 := Ramp(from, to, 10*time.Second, 10*time.Second)
	wave, err3 := Wave(from, to, 40*time.Second)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	middle := []float64{1, 0.6, 0.35}
	for _, c := range []struct {
		what  string
		reach Reach
		now   time.Duration
		want  []float64
	}{
		{"ramp", ramp, 0, from}, {"ramp", ramp, 10 * time.Second, from}, {"ramp", ramp, 15 * time.Second, middle},
		{"ramp", ramp, 20 * time.Second, to}, {"ramp", ramp, time.Hour, to},
		{"step", step, 10*time.Second - 1, from}, {"step", step, 10 * time.Second, to},
		{"wave", wave, 0, from}, {"wave", wave, 10 * time.Second, middle}, {"wave", wave, 20 * time.Second, to},
		{"wave", wave, 30 * time.Second, middle}, {"wave", wave, 40 * time.Second, from}, {"wave", wave, 60 * time.Second, to},
	} {
		if got := c.reach(c.now); !near(got, c.want, 1e-12) {
			t.Errorf("%s at %v: %v, want %v", c.what, c.now, got, c.want)
		}
	}
}

// Depths follow a drift whatever the ranks are, recorded ones too.
func TestDepthsFollowDrift(t *testing.T) {
	step, err := Ramp(from, to, time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	persistent, err1 := Persistent(3, random(1))
	recorded, err2 := NewRecorded(Exits{"m", []int{0, 0, 1, 1, 1, 2, 2, 2, 2, 1}}, "m", 3)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	blocks, err := recorded.Blocks(4, random(2))
	if err != nil {
		t.Fatal(err)
	}
	for name, ranks := range map[string]Ranks{"uniform": Uniform(random(3)), "persistent": persistent, "blocks": blocks} {
		s := New(ranks, step)
		if got := observed(take(s, 0, 50_000), 3); !near(got, from, 0.02) {
			t.Errorf("%s before: %v", name, got)
		}
		if got := observed(take(s, time.Hour, 50_000), 3); !near(got, to, 0.02) {
			t.Errorf("%s after: %v", name, got)
		}
	}
}

func TestReachIsCopied(t *testing.T) {
	mine := []float64{1, 0.5}
	fixed, err1 := Fixed(mine)
	wave, err2 := Wave(mine, mine, time.Hour)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	mine[1] = 7
	if !slices.Equal(fixed(0), []float64{1, 0.5}) || !slices.Equal(wave(0), []float64{1, 0.5}) {
		t.Errorf("%v and %v follow the caller's slice", fixed(0), wave(0))
	}
}

func TestReachRefuses(t *testing.T) {
	for _, bad := range [][]float64{nil, {0.9}, {1, 0.2, 0.3}, {1, 1.1}, {1, -0.1}, {1, math.NaN()}, {math.NaN()}, {1, math.Inf(1)}} {
		_, err1 := Fixed(bad)
		_, err2 := Wave(from, bad, time.Hour)
		_, err3 := Ramp(bad, to, 0, time.Hour)
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, ErrDepth) || !strings.Contains(err.Error(), "reach [") {
				t.Errorf("reach %v: %v", bad, err)
			}
		}
	}
	for says, make := range map[string]func() (Reach, error){
		"drift from 3 stages to 1": func() (Reach, error) { return Ramp(from, []float64{1}, 0, time.Hour) },
		"ramp from 1h0m0s to 0s":   func() (Reach, error) { return Ramp(from, to, time.Hour, 0) },
		"period of 0s":             func() (Reach, error) { return Wave(from, to, 0) },
		"period of -1s":            func() (Reach, error) { return Wave(from, to, -time.Second) },
	} {
		if _, err := make(); !errors.Is(err, ErrDepth) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
