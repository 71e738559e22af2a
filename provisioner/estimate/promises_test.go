package estimate

import "testing"

func TestPromises(t *testing.T) {
	const lead = 600 // a promise every (600+120)/60 = 12 s
	var p promises
	for at := int64(0); at <= 1200; at += 6 {
		p.add(promise{At: at, Level: float64(at)}, lead)
	}
	if len(p) != mostPromises || p[len(p)-1].At != 1200 || p[0].At != 1200-63*12 {
		t.Fatalf("%d promises from %d to %d, want 64 to 1200", len(p), p[0].At, p[len(p)-1].At)
	}
	for second, want := range map[int64]int64{600: 600, 611: 600, 1200: 1200, 1300: 1200, 1200 + 12 + longBlock: 1200, 1200 + 13 + longBlock: -1, 100: -1} {
		got, ok := p.at(second, lead)
		if ok != (want >= 0) || ok && got.At != want {
			t.Errorf("at %d: %d, %v; want %d", second, got.At, ok, want)
		}
	}
	p.add(promise{At: 100}, lead) // the clock has been set back
	if got, ok := p.at(110, lead); !ok || got.At != 100 || len(p) != 1 {
		t.Errorf("after the clock was set back: %+v, %v of %d", got, ok, len(p))
	}
}
