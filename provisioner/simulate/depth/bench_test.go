package depth

import (
	"errors"
	"testing"
	"time"
)

// sources are all kinds, of five stages.
func sources(t testing.TB) map[string]Source {
	reach, other := []float64{1, 0.6, 0.4, 0.3, 0.1}, []float64{1, 0.8, 0.5, 0.2, 0.2}
	independent, err1 := Independent(reach, random(1))
	persistent, err2 := Persistent(50, random(1))
	fixed, err3 := Fixed(reach)
	wave, err4 := Wave(reach, other, time.Hour)
	recorded, err5 := NewRecorded(Exits{"m", take(independent, 0, 10_000)}, "m", 5)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	blocks, err := recorded.Blocks(50, random(1))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Source{
		"independent":     independent,
		"persistent":      New(persistent, fixed),
		"blocks":          New(blocks, fixed),
		"persistent/wave": New(persistent, wave),
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	for name, s := range sources(t) {
		if n := testing.AllocsPerRun(1000, func() { s.Next(time.Minute) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	all := sources(b)
	for _, name := range []string{"independent", "persistent", "blocks", "persistent/wave"} {
		b.Run(name, func(b *testing.B) {
			s, now := all[name], time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				s.Next(now)
				now += time.Millisecond
			}
		})
	}
}
