package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// traces are the stretches of traffic that are replayed.
type traces struct {
	file      string
	requests  int      // of a stretch, at most
	stretches [][]byte // counts, a line a second; none if bursts are generated
}

const (
	stretches = 4
	longest   = 10 * time.Minute // of a stretch
	most      = 256 << 20        // bytes of a trace
)

// measure reads the trace and cuts stretches out of it, evenly spread over days and hours.
func (t *traces) measure() error {
	if t.file == "" {
		return nil
	}
	lines, err := t.lines()
	if err != nil {
		return fmt.Errorf("-trace: %w", err)
	}
	if c := lines[0][0]; c < '0' || c > '9' { // a header
		lines = lines[1:]
	}
	size, every := int(longest.Seconds()), len(lines)/stretches
	if size > every {
		return fmt.Errorf("-trace %s: %d seconds: give a trace of %d or more", t.file, len(lines), stretches*size)
	}
	for i := range stretches {
		from := i*every + i*(every-size)/stretches
		cut := lines[from : from+size]
		whole := traffic.Trace{Open: open(bytes.Join(cut, []byte("\n")))}
		if _, err := whole.Measure(); err != nil {
			return fmt.Errorf("-trace %s, from line %d: %w", t.file, from+1, err)
		}
		t.stretches = append(t.stretches, bytes.Join(cut, []byte("\n")))
	}
	return nil
}

// lines are those of the file, which is gzipped or not.
func (t *traces) lines() ([][]byte, error) {
	f, err := os.Open(t.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if z, err := gzip.NewReader(f); err == nil {
		in = z
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.file, err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, fmt.Errorf("%s: nothing is in it", t.file)
	}
	return bytes.Split(text, []byte("\n")), nil
}

func open(text []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
}

// at is a stretch, redrawn at a mean rate, and how long it is.
func (t *traces) at(stretch int, rate float64) (func(*rand.Rand) (traffic.Source, error), time.Duration) {
	length := min(longest, max(time.Duration(float64(t.requests)/rate)*time.Second, 2*time.Second))
	if t.stretches == nil {
		calm, burst := traffic.State{Rate: 0.8 * rate, Sojourn: 8 * time.Second}, traffic.State{Rate: 1.8 * rate, Sojourn: 2 * time.Second}
		return func(r *rand.Rand) (traffic.Source, error) {
			return traffic.MMPP([]traffic.State{calm, burst}, length, r)
		}, length
	}
	cut := traffic.Trace{Open: open(t.stretches[stretch]), To: length}
	return func(r *rand.Rand) (traffic.Source, error) { return cut.Redraw(rate, 0, r) }, length
}
