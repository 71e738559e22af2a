package traffic_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func TestSuperposeTimestamps(t *testing.T) {
	tr := trace(traffic.Timestamps, "0\n1.5\n7\n")
	times := drain(t, open[traffic.SourceCloser](t)(tr.Superpose(2, 4*time.Second, nil)), 8*time.Second)
	want(t, "wrapped around", times, "[0s 1.5s 3s 4s 5.5s 7s]")
	tr.From, tr.To = time.Second, 10*time.Second
	times = drain(t, open[traffic.SourceCloser](t)(tr.Superpose(3, 3*time.Second, nil)), 9*time.Second)
	want(t, "within the cut", times, "[0s 500ms 3s 3.5s 6s 6.5s]")
	times = drain(t, open[traffic.SourceCloser](t)(tr.Superpose(1, 0, nil)), 9*time.Second)
	want(t, "one copy is the trace", times, "[500ms 6s]")
}

// Each second has the requests of all copies, whatever the cut.
func TestSuperposeCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recorded := rapid.SliceOfN(rapid.IntRange(0, 5), 2, 30).Draw(t, "counts")
		from := rapid.IntRange(0, len(recorded)-2).Draw(t, "from")
		length := rapid.IntRange(2, len(recorded)-from).Draw(t, "length")
		copies := rapid.IntRange(1, length).Draw(t, "copies")
		shift := rapid.IntRange(1, length/copies).Draw(t, "shift")
		var text strings.Builder
		for i, n := range recorded {
			fmt.Fprintf(&text, "%d,%d\n", i, n)
		}
		f := &files{text: text.String()}
		tr := traffic.Trace{Open: f.open, From: time.Duration(from) * time.Second, To: time.Duration(from+length) * time.Second}
		s, err := tr.Superpose(copies, time.Duration(shift)*time.Second, seeded())
		if err != nil {
			t.Fatal(err)
		}
		sums := make([]int, length)
		for last := time.Duration(0); ; {
			at, err := s.Next()
			if err == io.EOF {
				break
			}
			if err != nil || at < last {
				t.Fatal(at, last, err)
			}
			sums[at/time.Second]++
			last = at
		}
		for i := range sums {
			for c := range copies {
				sums[i] -= recorded[from+(i+c*shift)%length]
			}
			if sums[i] != 0 {
				t.Fatalf("second %d: %d too many", i, sums[i])
			}
		}
		if f.opened != f.closed {
			t.Fatalf("%d files opened, %d closed", f.opened, f.closed)
		}
	})
}

func TestWrongSuperpose(t *testing.T) {
	tr := trace(traffic.Counts, recording(10))
	for _, test := range []struct {
		copies int
		shift  time.Duration
		says   string
	}{
		{0, time.Second, "0 copies"},
		{2, -time.Second, "shifted by -1s"},
		{2, time.Second / 2, "use at least 1, and whole seconds"},
		{4, 3 * time.Second, "4 copies shifted by 3s do not fit into 10s: use fewer"},
		{2, 0, "2 copies shifted by 24h0m0s do not fit into 10s"},
	} {
		_, err := tr.Superpose(test.copies, test.shift, seeded())
		fails(t, "Superpose", err, traffic.ErrSettings, test.says)
	}
	_, err := tr.Superpose(2, time.Second, nil)
	fails(t, "rand", err, traffic.ErrSettings, "give a *rand.Rand")
}

// A file that is gone in the middle of a run ends it with its error, and leaves no other open.
func TestSuperposeOfAFileThatGoes(t *testing.T) {
	gone := errors.New("gone")
	for opens := 1; opens <= 7; opens++ { // Measure, 4 copies, and the beginnings of 3
		f := &files{text: recording(100)}
		tr := traffic.Trace{Open: func() (io.ReadCloser, error) {
			if f.opened == opens {
				return nil, gone
			}
			return f.open()
		}}
		s, err := tr.Superpose(4, 25*time.Second, seeded())
		for err == nil {
			_, err = s.Next()
		}
		fails(t, fmt.Sprint(opens, " opens"), err, gone, "opening a trace")
		want(t, "closed", f.closed, f.opened)
	}
}
