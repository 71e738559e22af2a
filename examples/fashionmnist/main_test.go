package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bound = 0.5 // points

// The figures that the project promises for this model, on images that neither
// training nor thresholds have seen.
func TestLeavingEarlyKeepsAccuracyAndHalvesTheWork(t *testing.T) {
	v, err := model.Validation()
	if err != nil {
		t.Fatal(err)
	}
	images, err := model.Test()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := model.Read()
	if err != nil {
		t.Fatal(err)
	}
	found, err := exit.Search(t.Context(), v, exit.Options{Bound: bound, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := report{found: found, cost: v.Cost}
	run := func(exits []exit.Policy) tally {
		got, err := serve(t.Context(), exits, images, 64, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	r.early, r.full = run(found.Policies), run(neverEarly(model.Stages))
	r.earlyBatched, r.fullBatched = r.early, r.full

	if lost := 100 * (r.full.accuracy() - r.early.accuracy()); lost > bound {
		t.Errorf("leaving early loses %.2f points, allowed are %v", lost, bound)
	}
	if fewer := r.full.perImage(v.Cost) / r.early.perImage(v.Cost); fewer < 2 {
		t.Errorf("%.2fx fewer multiply-adds, want 2x", fewer)
	}
	if r.full.accuracy() < 0.92 {
		t.Errorf("accuracy %.4f, want at least 0.92", r.full.accuracy())
	}

	// Cut after each stage the network is as right as where it was trained, but for
	// rounding, and each exit is better than the one before.
	before := 0.0
	for k := 1; k <= model.Stages; k++ {
		got := r.full
		if k < model.Stages {
			got = run(neverEarly(k))
			r.cut = append(r.cut, got)
		}
		if diff := got.right - facts.TestCorrect[k-1]; diff < -3 || diff > 3 {
			t.Errorf("exit s%d has %d images right; the training framework counted %d", k, got.right, facts.TestCorrect[k-1])
		}
		if got.accuracy() < before+0.005 {
			t.Errorf("exit s%d: accuracy %.4f after %.4f, want half a point more", k, got.accuracy(), before)
		}
		before = got.accuracy()
	}

	var out bytes.Buffer
	r.print(&out)
	for _, want := range []string{"best truncated: cut after s", "leaving early", "reach", "Images a second"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the report:\n%s", want, &out)
		}
	}
}

// The exits committed with the model are its own: they are as right on validation
// images as on test images, give or take chance.
func TestValidationFitsTheModel(t *testing.T) {
	v, err := model.Validation()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := model.Read()
	if err != nil {
		t.Fatal(err)
	}
	cut, err := exit.Truncated(v)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range cut {
		test := float64(facts.TestCorrect[k]) / 5000
		if math.Abs(c.Accuracy-test) > 0.03 {
			t.Errorf("exit s%d: %.4f on validation, %.4f on test images", k+1, c.Accuracy, test)
		}
	}
}

func TestBestCut(t *testing.T) {
	at := func(right int, left ...int) tally { return tally{images: 10, right: right, left: left} }
	r := report{
		cost:  []float64{1, 2, 4},
		early: at(9, 5, 3, 2),
		cut:   []tally{at(6, 10), at(8, 0, 10)},
	}
	for _, c := range []struct {
		cost []float64
		want int
	}{
		{[]float64{1, 1, 4}, 1},  // early: 5*1 + 3*2 + 2*6 = 23 over 10 images, cut after s2: 2
		{[]float64{1, 9, 0}, 0},  // cut after s2 costs 10, early 5.5
		{[]float64{10, 0, 0}, 1}, // all cost the same: the more accurate one
	} {
		r.cost = c.cost
		if got := r.bestCut(); got != c.want {
			t.Errorf("cost %v: %d, want %d", c.cost, got, c.want)
		}
	}
	r.early, r.cost = at(1, 10), []float64{1, 1, 1}
	r.cut = []tally{at(1, 0, 10)}
	if got := r.bestCut(); got != -1 {
		t.Errorf("all dearer: %d", got)
	}
}
