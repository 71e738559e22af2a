package traffic_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// FuzzTrace reads whatever it is given, or says why not; what is measured is played,
// and gzipped it is the same.
func FuzzTrace(f *testing.F) {
	for _, text := range []string{
		"second,requests\n0,52\n1,55\n2,0\n", "0,1\r\n1,0\r\n\r\n2,3", "7,1000000000", "0,-1", "0,1.5", "0,1\n2,1", "0",
		"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
		"2023-11-16T18:15:46Z\n2023-11-16T19:15:46.5+01:00", "0.25,a\n12.75,b", "1700158546.68059\n1700158546.680590001", "9\n8", "", "\n",
		"\ufeff\"second\", \"requests\"\n \"0\" , \"1\"\n", "\"", "\"0\",\"a, b\"\n1,", "\ufeff", " \n\t,",
		"0000-01-01 00:00:00\n9999-12-31 23:59:59.999999999-23:59", "8589934591.999999999", "\x1f\x8b", zipped("0,1\n1,2\n"), zipped("0,1\n1,2\n")[:20],
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, stamps bool) {
		format := traffic.Counts
		if stamps {
			format = traffic.Timestamps
		}
		tr := trace(format, string(data))
		s, err := tr.Measure()
		if err != nil {
			if !errors.Is(err, traffic.ErrTrace) {
				t.Fatal(err)
			}
			return
		}
		if s.Requests < 0 || s.Length < time.Second || s.Length%time.Second != 0 {
			t.Fatal(s)
		}
		again, err := trace(format, zipped(string(data))).Measure()
		if plain := len(data) < 2 || string(data[:2]) != "\x1f\x8b"; plain && (again != s || err != nil) {
			t.Fatal(again, err, s)
		}
		if s.Requests > 10_000 {
			return
		}
		source, err := tr.Play(seeded())
		last := time.Duration(0)
		for n := int64(0); ; n++ {
			var at time.Duration
			if err == nil {
				at, err = source.Next()
			}
			if err == io.EOF && n == s.Requests {
				return
			}
			if err != nil || at < last || at >= s.Length {
				t.Fatal(n, at, last, s, err)
			}
			last = at
		}
	})
}
