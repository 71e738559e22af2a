package exit

import (
	"math"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
	// thirds has probabilities 1/2, 1/4, 1/4: entropy 1.5 ln 2 / ln 3 = 0.946395.
	thirds = []float32{float32(math.Log(2)), 0, 0}
)

func TestDecideByHand(t *testing.T) {
	tests := []struct {
		name   string
		p      Policy
		logits []float32
		leave  bool
		class  int
		conf   float64
	}{
		{"maxprob below", MaxProb(0.51), thirds, false, 0, 0.5},
		{"maxprob above", MaxProb(0.49), thirds, true, 0, 0.5},
		{"maxprob equal", MaxProb(0.5), []float32{1, 1}, true, 0, 0.5},
		{"maxprob saturated", MaxProb(1), []float32{-3e38, 3e38}, true, 1, 1},
		// Temperature 0.5 squares the odds: 4:1:1.
		{"temperature sharpens", MaxProb(0.66).WithTemperature(0.5), thirds, true, 0, 2.0 / 3},
		{"entropy above", Entropy(0.946), thirds, false, 0, 0.5},
		{"entropy below", Entropy(0.947), thirds, true, 0, 0.5},
		{"entropy uniform", Entropy(0.999), []float32{7, 7, 7, 7}, false, 0, 0.25},
		{"entropy certain", Entropy(0), []float32{0, 2000}, true, 1, 1},
		{"entropy one class", Entropy(0), []float32{3}, true, 0, 1},
		{"margin below", Margin(0.26), thirds, false, 0, 0.5},
		{"margin above", Margin(0.24), thirds, true, 0, 0.5},
		{"margin tie", Margin(0.001), []float32{0, 5, 5}, false, 1, 1 / (2 + math.Exp(-5))},
		{"margin second first", Margin(0.24), []float32{0, float32(math.Log(2)), 0}, true, 1, 0.5},
		{"margin one class", Margin(1), []float32{3}, true, 0, 1},
		{"patience one", Patience(1), thirds, true, 0, 0.5},
		{"patience two, first seen", Patience(2), thirds, false, 0, 0.5},
		{"patience unusable", Policy{Kind: KindPatience}, thirds, false, 0, 0.5},
		{"never", Never(), []float32{0, 2000}, false, 1, 1},
		{"final", Final(), []float32{1, 1}, true, 0, 0.5},
		{"unknown", Policy{Kind: "x"}, []float32{0, 2000}, false, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.p.Decide(tt.logits, State{})
			if d.Leave != tt.leave || d.Class != tt.class || math.Abs(d.Confidence-tt.conf) > 1e-7 || d.Bad {
				t.Errorf("got %+v, want leave %v class %d confidence %v", d, tt.leave, tt.class, tt.conf)
			}
			if want := (State{int32(tt.class), 1}); d.State != want {
				t.Errorf("state %+v, want %+v", d.State, want)
			}
		})
	}
}

func TestDecideBadRow(t *testing.T) {
	rows := map[string][]float32{
		"nan": {9, nan}, "+inf": {inf, 0}, "-inf": {0, -inf}, "nan first": {nan, 9}, "empty": nil,
	}
	all := []Policy{MaxProb(0), Entropy(1), Margin(0), Patience(1), Never(), Final()}
	for name, logits := range rows {
		for _, p := range all {
			got := p.Decide(logits, State{1, 5})
			want := Decision{Leave: p.Kind == KindFinal, Class: -1, Bad: true}
			if got != want {
				t.Errorf("%s %s: got %+v, want %+v", name, p.Kind, got, want)
			}
		}
	}
}

func TestPatienceRuns(t *testing.T) {
	a, b, bad := []float32{1, 0}, []float32{0, 1}, []float32{nan, 0}
	steps := []struct {
		p      Policy
		logits []float32
		run    int32
		leave  bool
	}{
		{MaxProb(1), a, 1, false}, // other kinds count
		{Patience(3), a, 2, false},
		{Patience(3), b, 1, false},
		{Patience(3), b, 2, false},
		{Never(), bad, 0, false},
		{Patience(3), b, 1, false}, // the bad row broke the run
		{Never(), b, 2, false},
		{Patience(3), b, 3, true},
	}
	var s State
	for i, st := range steps {
		d := st.p.Decide(st.logits, s)
		if d.Leave != st.leave || d.State.Run != st.run {
			t.Errorf("step %d: got %+v, want run %d leave %v", i, d, st.run, st.leave)
		}
		s = d.State
	}
	if got := (State{0, math.MaxInt32}).next(0).Run; got != math.MaxInt32 {
		t.Errorf("run overflowed to %d", got)
	}
}

func TestValidate(t *testing.T) {
	for _, p := range []Policy{MaxProb(0), MaxProb(1), Entropy(0.3), Margin(0.2), Patience(1), Never(), Final(),
		Final().WithTemperature(2)} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []Policy{{}, {Kind: "x"}, MaxProb(-0.1), MaxProb(1.1), Entropy(math.NaN()), Margin(math.Inf(1)),
		Patience(0), Patience(-1), Never().WithTemperature(-1), Final().WithTemperature(math.NaN()),
		MaxProb(0.5).WithTemperature(math.Inf(1))} {
		if p.Validate() == nil {
			t.Errorf("%+v: no error", p)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	logits := []float32{1, 2, 3}
	if n := testing.AllocsPerRun(100, func() { sink = Entropy(0.1).Decide(logits, State{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sink Decision

func BenchmarkDecide(b *testing.B) {
	logits := make([]float32, 10)
	for j := range logits {
		logits[j] = float32(j) / 3
	}
	for _, p := range []Policy{MaxProb(0.9), Entropy(0.1), Margin(0.5), Patience(2)} {
		b.Run(string(p.Kind), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = p.Decide(logits, State{})
			}
		})
	}
}

func FuzzDecide(f *testing.F) {
	kinds := []Kind{KindMaxProb, KindEntropy, KindMargin, KindPatience, KindNever, KindFinal, "x"}
	f.Add(uint8(0), 0.5, 1, 1.0, float32(1), float32(2), float32(3), uint8(3), int32(0), int32(0))
	f.Add(uint8(1), 0.1, 0, 0.0, nan, float32(2), float32(3), uint8(3), int32(1), int32(7))
	f.Add(uint8(2), 1.0, 2, 1e-320, float32(3e38), float32(-3e38), float32(0), uint8(2), int32(0), int32(-1))
	f.Add(uint8(3), 0.0, 3, 1e300, float32(0), float32(0), inf, uint8(3), int32(0), int32(math.MaxInt32))
	f.Add(uint8(5), math.NaN(), -1, -1.0, inf, -inf, nan, uint8(1), int32(-5), int32(2))
	f.Add(uint8(4), 0.0, 0, math.Inf(1), float32(0), float32(0), float32(0), uint8(0), int32(0), int32(0))
	f.Fuzz(func(t *testing.T, kind uint8, th float64, k int, temp float64, a, b, c float32, n uint8, class, run int32) {
		logits := []float32{a, b, c}[:n%4]
		p := Policy{kinds[int(kind)%len(kinds)], th, k, temp}
		d := p.Decide(logits, State{class, run})
		bad := len(logits) == 0
		for _, x := range logits {
			bad = bad || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)
		}
		if !(d.Confidence >= 0 && d.Confidence <= 1) {
			t.Errorf("confidence %v", d.Confidence)
		}
		if d.Bad != bad || bad && (d.Leave != (p.Kind == KindFinal) || d.Confidence != 0 || d.State != (State{})) {
			t.Errorf("bad %v: %+v", bad, d)
		}
		if !bad && (d.Class < 0 || d.Class >= len(logits) || d.State.Run < 1) {
			t.Errorf("%+v", d)
		}
	})
}
