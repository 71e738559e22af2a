package exit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func anyPolicy(t *rapid.T) Policy {
	p := Policy{
		Kind:        rapid.SampledFrom([]Kind{KindMaxProb, KindEntropy, KindMargin, KindPatience, KindNever, KindFinal}).Draw(t, "kind"),
		Temperature: rapid.SampledFrom([]float64{0, 0.5, 2}).Draw(t, "temperature"),
	}
	switch p.Kind {
	case KindPatience:
		p.Patience = rapid.OneOf(rapid.IntRange(1, 9), rapid.Just(math.MaxInt), rapid.Just(math.MaxInt32)).Draw(t, "patience")
	case KindMaxProb, KindEntropy, KindMargin:
		p.Threshold = rapid.Float64Range(0, 1).Draw(t, "threshold")
	}
	return p
}

// What is stricter leaves on no row that the other would have kept, the more so the higher
// the share, and is still a policy.
func TestStricterNeverLeavesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		f := rapid.Float64Range(0, 1).Draw(t, "share")
		g := rapid.Float64Range(f, 1).Draw(t, "larger share")
		a, b := p.Stricter(f), p.Stricter(g)
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		var s State
		for range rapid.IntRange(1, 6).Draw(t, "exits") {
			logits := rapid.SliceOfN(rapid.Float32Range(-4, 4), 1, 4).Draw(t, "logits")
			d := p.Decide(logits, s)
			if a.Accepts(d.Score) && !p.Accepts(d.Score) || b.Accepts(d.Score) && !a.Accepts(d.Score) {
				t.Fatalf("score %v: %+v, stricter %+v, and more so %+v", d.Score, p, a, b)
			}
			if again := b.Decide(logits, s); again.Leave != b.Accepts(d.Score) {
				t.Fatalf("%+v says %v of its logits and %v of their score", b, again.Leave, !again.Leave)
			}
			s = d.State
		}
	})
}

func TestStricter(t *testing.T) {
	for _, c := range []struct {
		p    Policy
		f    float64
		want Policy
	}{
		{MaxProb(0.5), 0.5, MaxProb(0.75)},
		{MaxProb(0.5), 1, MaxProb(1)},
		{MaxProb(0.5), 7, MaxProb(1)},
		{MaxProb(0.5), -1, MaxProb(0.5)},
		{MaxProb(0.5), math.NaN(), MaxProb(0.5)},
		{Margin(0), 0.25, Margin(0.25)},
		{Entropy(0.5), 0.5, Entropy(0.25)},
		{Entropy(0.5).WithTemperature(3), 1, Entropy(0).WithTemperature(3)},
		{Patience(2), 0.1, Patience(3)},
		{Patience(4), 0.5, Patience(6)},
		{Patience(0), 0.5, Patience(0)},
		{Patience(math.MaxInt), 1, Patience(math.MaxInt)},
		{Never(), 1, Never()},
		{Final(), 1, Final()},
	} {
		if got := c.p.Stricter(c.f); got != c.want {
			t.Errorf("%+v made stricter by %v is %+v, want %+v", c.p, c.f, got, c.want)
		}
	}
}

func TestNoScoreButTheFinalExitsIsNaN(t *testing.T) {
	for _, p := range []Policy{MaxProb(0), Entropy(1), Margin(0), Patience(1), Never(), Final()} {
		if p.Accepts(math.NaN()) != (p.Kind == KindFinal) {
			t.Errorf("%s accepts NaN: %v", p.Kind, p.Accepts(math.NaN()))
		}
	}
}

func TestReplayIsWhatAServerDoes(t *testing.T) {
	for _, kind := range searchable {
		v := synthetic(7, 1500, 5, 2, 3, 4)
		v.ExitCost = []float64{0.1, 0.1, 0.1}
		v.Logits[0][0], v.Logits[2][10] = float32(math.NaN()), float32(math.Inf(1))
		policies := mustSearch(t, v, Options{Bound: 5, Kind: kind, Seed: 1}).Policies
		r, err := Replay(v, policies)
		if err != nil {
			t.Fatal(err)
		}
		lost, cost := play(v, policies)
		if math.Abs(r.Lost-lost) > 1e-9 || math.Abs(r.Cost-cost) > 1e-9 {
			t.Errorf("%s: lost %v at %v, want %v at %v", kind, r.Lost, r.Cost, lost, cost)
		}
		left, disagree := 0, 0
		for k, e := range r.Exits {
			left += e.Left
			disagree += e.Left - e.Agree
			if k == 2 && e.Left-e.Agree > 1 { // but for the bad row
				t.Errorf("%s: the last exit disagrees with itself: %+v", kind, e)
			}
		}
		if left != r.Rows || r.Rows != 1500 || lost > 100*float64(disagree)/1500 {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func TestReplayRefusesPoliciesThatDoNotFit(t *testing.T) {
	v := synthetic(1, 10, 3, 1, 2)
	for name, policies := range map[string][]Policy{
		"too few":         {Final()},
		"none final":      {Never(), Never()},
		"final too early": {Final(), Final()},
		"invalid":         {MaxProb(2), Final()},
	} {
		if _, err := Replay(v, policies); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLooserStepsDownInCost(t *testing.T) {
	r := mustSearch(t, synthetic(3, 6000, 5, 2, 3, 4), Options{Bound: 1, Seed: 2})
	for _, n := range []int{-1, 0, 1, 3, 5, 1000} {
		points := r.Looser(n, 8)
		if len(points) > max(n, 0) || n > 0 && n <= 5 && len(points) != n {
			t.Errorf("asked for %d, got %d", n, len(points))
		}
		cost, upper := r.Cost, r.LostUpper
		for _, p := range points {
			if !(p.Cost < cost && p.LostUpper > upper && p.LostUpper <= 8) {
				t.Errorf("of %d: cost %v after %v, loss %v after %v", n, p.Cost, cost, p.LostUpper, upper)
			}
			cost, upper = p.Cost, p.LostUpper
		}
	}
	// One step is the boldest; three are spread, so that the first is a mild one.
	one, three := r.Looser(1, 8), r.Looser(3, 8)
	if one[0].LostUpper != three[2].LostUpper || three[0].LostUpper > r.LostUpper+0.5*(8-r.LostUpper) {
		t.Errorf("%v and %v", one[0].LostUpper, []float64{three[0].LostUpper, three[1].LostUpper, three[2].LostUpper})
	}
	three[0].Policies[0] = Never()
	if again := r.Looser(3, 8); again[0].Policies[0] == Never() {
		t.Error("the points share memory with the result")
	}
	if got := r.Looser(3, r.LostUpper); len(got) != 0 {
		t.Errorf("no room for loss, yet %+v", got)
	}
}
