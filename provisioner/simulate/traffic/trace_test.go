package traffic_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

const second = time.Second

func TestPlayTimestamps(t *testing.T) {
	const times = "[0s 4.31446s 4.31446s 1h0m0.000000001s]"
	for name, text := range map[string]string{
		"dates":       "TIMESTAMP,ContextTokens\r\n2023-11-16 18:15:46.6805900,374\r\n2023-11-16 18:15:50.9950500,396\r\n2023-11-16 18:15:50.99505,3\r\n\r\n2023-11-16 19:15:46.680590001,9",
		"RFC 3339":    "2023-11-16T18:15:46.68059Z\n2023-11-16T18:15:50.99505Z\n2023-11-16T19:15:50.99505+01:00\n2023-11-16T19:15:46.680590001Z\n",
		"zones":       "t\n2024-05-10 00:00:00.685540+00:00\n2024-05-10 00:00:05.000000+00:00\n2024-05-09 22:00:05-02:00\n2024-05-10 01:00:00.685540001+00:00\n",
		"seconds":     "0.25,a,b\n4.56446,a,b\n4.564460000,a,b\n3600.2500000010009,a,b\n",
		"unix time":   "1700158546.68059\n1700158550.99505\n1700158550.99505\n1700162146.680590001\n",
		"spaces":      "\n 0.25 , a\n4.56446\t,a\n4.56446,a \n \n3600.250000001 ,\n",
		"quotes":      "\ufeff\"TIMESTAMP\",\"user, agent\"\r\n\"2023-11-16 18:15:46.68059\",a\n\"2023-11-16 18:15:50.99505\", \"b, \"\"c\"\", d\"\n2023-11-16 18:15:50.99505,\n\"2023-11-16 19:15:46.680590001\",\"\"\n",
		"blank lines": "\n\nname\n\n7\n11.31446\n11.31446\n\n3607.000000001\n\n",
	} {
		for how, text := range map[string]string{"": text, ", gzipped": zipped(text)} {
			tr := trace(traffic.Timestamps, text)
			want(t, name+how, drain(t, open[traffic.SourceCloser](t)(tr.Play(nil)), 2*time.Hour), times)
			s, err := tr.Measure()
			want(t, name+how, fmt.Sprint(s, err), "{4 1h0m1s} <nil>")
		}
	}
}

// The counts of the file are the counts of the arrivals, uniform within each second.
func TestPlayCounts(t *testing.T) {
	text := recording(1000)
	for name, text := range map[string]string{
		"plain":   text,
		"header":  "second,requests\n" + text,
		"spaces":  "\ufeff second, requests\n" + strings.ReplaceAll(text, ",", " , "),
		"quotes":  "\ufeff\"second\",\"requests\"\r\n\"" + strings.NewReplacer(",", "\",\"", "\n", "\"\n\"").Replace(strings.TrimSpace(text)) + "\"\n",
		"gzipped": zipped(text),
	} {
		times := drain(t, open[traffic.SourceCloser](t)(trace(traffic.Counts, text).Play(seeded())), 1000*second)
		var phases []float64
		for i, n := range counts(times, second, 1000*second) {
			if n != float64(50+i*7%50) {
				t.Fatalf("%s: %v requests in second %d", name, n, i)
			}
		}
		for _, at := range times {
			phases = append(phases, (at % second).Seconds())
		}
		uniform(t, name, phases)
	}
}

// Of n uniform times, the first is beyond x with probability (1-x)^n.
func TestTheFirstOfASecond(t *testing.T) {
	tr := trace(traffic.Counts, "0,4")
	r, first := seeded(), []float64{}
	for range 5000 {
		at, err := open[traffic.SourceCloser](t)(tr.Play(r)).Next()
		if err != nil {
			t.Fatal(err)
		}
		x := 1 - at.Seconds()
		first = append(first, 1-x*x*x*x)
	}
	uniform(t, "first", first)
}

func TestCut(t *testing.T) {
	numbers := trace(traffic.Counts, "100,1\n101,2\n102,0\n103,3\n104,0\n")
	stamps := trace(traffic.Timestamps, "100.5\n101.5\n101.6\n103.7\n103.8\n103.9\n")
	for _, test := range []struct {
		from, to     time.Duration
		length, each string
	}{
		{0, 0, "5s 4s", "[1 2 0 3 0] [1 2 0 3]"},
		{second, 0, "4s 3s", "[2 0 3 0] [2 0 3]"},
		{3 * second, 0, "2s 1s", "[3 0] [3]"},
		{0, 2 * second, "2s 2s", "[1 2] [1 2]"},
		{2 * second, 4 * second, "2s 2s", "[0 3] [0 3]"},
		{second, 5 * second, "4s 4s", "[2 0 3 0] [2 0 3 0]"},
		{4 * second, 5 * second, "1s 1s", "[0] [0]"},
	} {
		lengths, each := []string{}, []string{}
		for _, tr := range []traffic.Trace{numbers, stamps} {
			tr.From, tr.To = test.from, test.to
			s, err := tr.Measure()
			if err != nil {
				t.Fatal(err)
			}
			times := drain(t, open[traffic.SourceCloser](t)(tr.Play(seeded())), s.Length)
			want(t, "requests", s.Requests, len(times))
			lengths = append(lengths, s.Length.String())
			each = append(each, fmt.Sprint(counts(times, second, s.Length)))
		}
		want(t, fmt.Sprint("length from ", test.from, " to ", test.to), strings.Join(lengths, " "), test.length)
		want(t, fmt.Sprint("counts from ", test.from, " to ", test.to), strings.Join(each, " "), test.each)
	}
	stamps.To = 20 * second
	s, err := stamps.Measure()
	want(t, "silence after the last", fmt.Sprint(s, s.Rate(), err), "{6 20s} 0.3 <nil>")
}

func TestWrongCut(t *testing.T) {
	counts, stamps := trace(traffic.Counts, "0,1\n1,2\n"), trace(traffic.Timestamps, "0\n1.5\n")
	for _, test := range []struct {
		trace    traffic.Trace
		from, to time.Duration
		says     string
	}{
		{counts, -second, 0, "cut from -1s to 0s: use 0 <= From < To"},
		{counts, second, second, "cut from 1s to 1s"},
		{counts, 0, -second, "cut from 0s to -1s"},
		{counts, second / 2, 0, "use whole seconds"},
		{stamps, 0, 3 * second / 2, "use whole seconds"},
		{counts, 0, 3 * second, "a trace of 2s cut from 0s to 3s: keep"},
		{counts, 2 * second, 0, "a trace of 2s cut from 2s to 0s: keep"},
		{stamps, 2 * second, 0, "a trace of 2s cut from 2s to 0s: keep"},
	} {
		test.trace.From, test.trace.To = test.from, test.to
		_, err := test.trace.Measure()
		fails(t, "Measure", err, traffic.ErrSettings, test.says)
	}
	counts.Format = 2
	_, err := counts.Measure()
	fails(t, "format", err, traffic.ErrSettings, "trace format 2: use Counts or Timestamps")
	_, err = traffic.Trace{}.Measure()
	fails(t, "no Open", err, traffic.ErrSettings, "give a function that opens its file")
	_, err = trace(traffic.Counts, "0,1").Play(nil)
	fails(t, "no rand", err, traffic.ErrSettings, "give a *rand.Rand")
}

func TestWrongTraces(t *testing.T) {
	for _, test := range []struct {
		format traffic.Format
		text   string
		says   string
	}{
		{traffic.Counts, "", "no rows"},
		{traffic.Counts, "second,requests\n\n", "no rows"},
		{traffic.Counts, zipped(""), "no rows"},
		{traffic.Counts, "second,requests\n0,5\n2,5\n", "line 3: second 2, want 1"},
		{traffic.Counts, "5,5\n6,5\n5,5\n", "line 3: second 5, want 7"},
		{traffic.Counts, "5,5\n5,5\n", "line 2: second 5, want 6"},
		{traffic.Counts, "0,5\n1,-5\n", `line 2: requests "-5": use a whole number from 0 to 1000000000`},
		{traffic.Counts, "0,5.5\n", `line 1: requests "5.5": use a whole number`},
		{traffic.Counts, "0,\n", `line 1: requests ""`},
		{traffic.Counts, "0,1000000001\n", `line 1: requests "1000000001"`},
		{traffic.Counts, "0,99999999999999999999\n", `line 1: requests "99999999999999999999"`},
		{traffic.Counts, "0.5,1\n", `line 1: second "0.5": use a whole number`},
		{traffic.Counts, "-1,1\n", `line 1: second "-1"`},
		{traffic.Counts, "1 0,1\n", `line 1: second "1 0"`},
		{traffic.Counts, "\"\n", "line 1: 1 columns, want 2"},
		{traffic.Counts, "\"0,1\n", "line 1: 1 columns, want 2"},
		{traffic.Counts, "0,\"1\n", `line 1: requests "\"1"`},
		{traffic.Counts, "\ufeff", "no rows"},
		{traffic.Counts, "a,b\nc,d\n", `line 2: second "c"`},
		{traffic.Counts, "0\n", "line 1: 1 columns, want 2"},
		{traffic.Counts, "TIMESTAMP,ContextTokens,GeneratedTokens\n0,1\n", "line 1: 3 columns, want 2"},
		{traffic.Counts, "0,1\n1,1,1\n", "line 2: 3 columns, want 2"},
		{traffic.Counts, "0,1\n" + strings.Repeat("1", 70_000), "line 2: it is longer than 65536 bytes"},
		{traffic.Counts, "\x1f\x8bnonsense", "begins like a gzip file"},
		{traffic.Timestamps, "", "no rows"},
		{traffic.Timestamps, "TIMESTAMP\n2023-11-16 18:15:46\n2023-11-16 18:15:45.9\n", "line 3: time 2023-11-16 18:15:45.9 is before"},
		{traffic.Timestamps, "2\n2\n1.999999999\n", "line 3: time 1.999999999 is before that of the line above: sort"},
		{traffic.Timestamps, "1,2\n2\n", "line 2: 1 columns, want 2"},
		{traffic.Timestamps, "a,b,c\n2,3\n", "line 2: 2 columns, want 3"},
		{traffic.Timestamps, "-2\n", `line 1: time "-2": use seconds, such as`},
		{traffic.Timestamps, "2.\n", `line 1: time "2."`},
		{traffic.Timestamps, "1.5e3\n", `line 1: time "1.5e3"`},
		{traffic.Timestamps, "1700158546680\n", `line 1: time "1700158546680"`},
		{traffic.Timestamps, "0\n5000000000\n", "line 2: time 5000000000 is 1388888h53m20s after the first: is its unit"},
		{traffic.Timestamps, "2023-11-16 18:15:46\n3\n", `line 2: time "3": use seconds, such as 12.75, or a date, such as 2023-11-16 18:15:46.68 or 2023-11-16T18:15:46Z, the same on each line`},
		{traffic.Timestamps, "3\n2023-11-16 18:15:46\n", `line 2: time "2023-11-16 18:15:46"`},
		{traffic.Timestamps, "2023-11-31 18:15:46\n", `line 1: time "2023-11-31 18:15:46"`},
		{traffic.Timestamps, "2023-11-16\n", `line 1: time "2023-11-16"`},
		{traffic.Timestamps, "2023-11-16_18:15:46\n", `line 1: time "2023-11-16_18:15:46"`},
		{traffic.Timestamps, "2023-11-16 18:15:46" + strings.Repeat("0", 100) + "\n", `line 1: time "2023-11-16 18:15:460`},
	} {
		f := &files{text: test.text}
		tr := traffic.Trace{Open: f.open, Format: test.format}
		_, err := tr.Measure()
		fails(t, "Measure", err, traffic.ErrTrace, test.says)
		_, err = tr.Redraw(1, 0, seeded())
		fails(t, "Redraw", err, traffic.ErrTrace, test.says)
		_, err = tr.Superpose(2, second, seeded())
		fails(t, "Superpose", err, traffic.ErrTrace, test.says)
		if s, err := tr.Play(seeded()); err == nil {
			var again error
			for err == nil {
				_, err = s.Next()
			}
			fails(t, "Play", err, traffic.ErrTrace, test.says)
			_, again = s.Next()
			want(t, "the error stays", again, err)
		}
		want(t, "closed", f.closed, f.opened)
	}
}

func TestTruncatedGzip(t *testing.T) {
	whole := zipped(recording(300))
	for n := range len(whole) {
		_, err := trace(traffic.Counts, whole[:n]).Measure()
		fails(t, fmt.Sprint(n, " bytes"), err, traffic.ErrTrace, "")
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	tr := traffic.Trace{Open: func() (io.ReadCloser, error) { return nil, fs.ErrNotExist }}
	_, err := tr.Play(seeded())
	fails(t, "not opened", err, fs.ErrNotExist, "opening a trace")

	broken := errors.New("the disk is broken")
	tr.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("0,1\n1,1\n"), iotest.ErrReader(broken))), nil
	}
	_, err = tr.Measure()
	fails(t, "not read", err, broken, "line 3")

	tr.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(iotest.OneByteReader(strings.NewReader(zipped(recording(100))))), nil
	}
	if s, err := tr.Measure(); err != nil || s.Length != 100*second {
		t.Errorf("byte by byte: %v, %v", s, err)
	}
}

// endless is a trace that has no end, so it can only be read as it is played.
type endless struct{ second, read int }

func (e *endless) Read(p []byte) (int, error) {
	line := fmt.Appendf(nil, "%d,3\n", e.second)
	if len(p) < len(line) {
		return 0, io.ErrShortBuffer
	}
	e.second++
	e.read += len(line)
	return copy(p, line), nil
}

func TestTracesAreStreamed(t *testing.T) {
	for name, play := range map[string]func(traffic.Trace, *rand.Rand) (traffic.SourceCloser, error){
		"Play":   traffic.Trace.Play,
		"Redraw": func(tr traffic.Trace, r *rand.Rand) (traffic.SourceCloser, error) { return tr.Redraw(5, 0, r) },
		"Superpose": func(tr traffic.Trace, r *rand.Rand) (traffic.SourceCloser, error) {
			return tr.Superpose(2, 1000*second, r)
		},
	} {
		var last *endless
		tr := traffic.Trace{To: 100_000 * second, Open: func() (io.ReadCloser, error) {
			last = &endless{}
			return io.NopCloser(last), nil
		}}
		s := open[traffic.SourceCloser](t)(play(tr, seeded()))
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		if last.read > 256<<10 { // the buffers, and 60 or 1000 lines
			t.Errorf("%s: %d bytes read for the first arrival", name, last.read)
		}
	}
}

func TestClose(t *testing.T) {
	for name, play := range map[string]func(traffic.Trace, *rand.Rand) (traffic.SourceCloser, error){
		"Play":   traffic.Trace.Play,
		"Redraw": func(tr traffic.Trace, r *rand.Rand) (traffic.SourceCloser, error) { return tr.Redraw(5, 0, r) },
		"Superpose": func(tr traffic.Trace, r *rand.Rand) (traffic.SourceCloser, error) {
			return tr.Superpose(4, 100*second, r)
		},
	} {
		f := &files{text: zipped(recording(1000))}
		tr := traffic.Trace{Open: f.open}
		s := open[traffic.SourceCloser](t)(play(tr, seeded()))
		if _, err := s.Next(); err != nil || f.closed >= f.opened {
			t.Fatal(name, err, f.closed, f.opened)
		}
		want(t, name+": close, twice", fmt.Sprint(s.Close(), s.Close()), "<nil> <nil>")
		want(t, name+": closed early", f.closed, f.opened)
		var err error
		for err == nil {
			_, err = s.Next()
		}
		fails(t, name+": next", err, fs.ErrClosed, "reading a trace")

		s = open[traffic.SourceCloser](t)(play(tr, seeded()))
		drain(t, s, 1000*second)
		want(t, name+": closed at its end", fmt.Sprint(s.Close(), f.closed), fmt.Sprint(nil, f.opened))
	}
}
