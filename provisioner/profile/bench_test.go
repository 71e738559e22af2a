package profile

import (
	"errors"
	"testing"
	"time"
)

// subjects are all kinds of Times, as an engine holds them.
func subjects(t testing.TB) map[string]Times {
	var batches []Batch
	for _, rows := range []int{1, 4, 16} {
		b := Batch{Rows: rows}
		for i := range 1000 {
			b.Samples = append(b.Samples, time.Duration(rows)*ms+time.Duration(i))
		}
		batches = append(batches, b)
	}
	p, err1 := New("m", "o", [][]Batch{batches})
	means := []time.Duration{ms}
	constant, err2 := Deterministic(means)
	exponential, err3 := Exponential(means)
	logNormal, err4 := LogNormal(means, 0.5)
	gained, err5 := BatchGain(exponential, 1.3)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return map[string]Times{"profile": p, "deterministic": constant, "exponential": exponential, "lognormal": logNormal, "gained": gained}
}

func TestDrawAllocatesNothing(t *testing.T) {
	r := random()
	for name, times := range subjects(t) {
		for _, rows := range []int{1, 2, 16, 20} {
			if n := testing.AllocsPerRun(100, func() { times.Draw(0, rows, r) }); n != 0 {
				t.Errorf("%s, %d rows: %v allocations", name, rows, n)
			}
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	all := subjects(b)
	for _, c := range []struct {
		name, times string
		rows        int
	}{
		{"profile/measured", "profile", 1}, {"profile/between", "profile", 8}, {"profile/beyond", "profile", 32},
		{"deterministic", "deterministic", 8}, {"exponential", "exponential", 8}, {"lognormal", "lognormal", 8}, {"gained", "gained", 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			times, r := all[c.times], random()
			b.ReportAllocs()
			for b.Loop() {
				times.Draw(0, c.rows, r)
			}
		})
	}
}
