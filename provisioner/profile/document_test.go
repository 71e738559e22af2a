package profile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func byHandFile(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/by-hand.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func read(t testing.TB, text string) *Document {
	t.Helper()
	d, err := ReadDocument(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A handful of numbers makes times of every stage and any batch size.
func TestDocumentByHand(t *testing.T) {
	d := read(t, string(byHandFile(t)))
	vm, err1 := d.Profile("4-vCPU VM")
	function, err2 := d.Profile("1769 MB function")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	base, err1 := Deterministic([]time.Duration{45 * ms})
	want, err2 := BatchGain(base, 1.4)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for stage := range 4 {
		for _, rows := range []int{1, 2, 8, 16, 32} {
			if got := vm.Mean(stage, rows); (got - want.Mean(0, rows)).Abs() > 2 {
				t.Errorf("stage %d, %d rows: %v, want %v", stage+1, rows, got, want.Mean(0, rows))
			}
		}
	}
	for what, c := range map[string][2]time.Duration{
		"the mean":               {function.Mean(0, 1), 60 * ms},
		"the median":             {function.Quantile(2, 1, 0.5), 55 * ms},
		"the 99th percentile":    {function.Quantile(2, 1, 0.99), 130 * ms},
		"the mean of one's own":  {function.Mean(3, 1), 70 * ms},
		"its batches":            {function.Mean(3, 8), 420 * ms},
		"the mean boot":          {d.Offers["4-vCPU VM"].Boot.Mean(), 40 * time.Second},
		"the mean cold start":    {d.Offers["1769 MB function"].Cold.Mean(), 2 * time.Second},
		"nothing, if none is":    {d.Offers["4-vCPU VM"].Cold.Mean(), 0},
		"what it is billed more": {time.Duration(d.Offers["1769 MB function"].Overhead), 2 * ms},
	} {
		if (c[0] - c[1]).Abs() > c[1]/50 {
			t.Errorf("%s: %v, want %v", what, c[0], c[1])
		}
	}
	if d.Has("4-vCPU VM", 1) || d.Has("1769 MB function", 8) || d.Has("another", 1) {
		t.Error("something by hand counts as measured")
	}
}

// Whatever spread is taken has its mean, and its percentiles.
func TestSpread(t *testing.T) {
	taken := 0
	rapid.Check(t, func(r *rapid.T) {
		draw := func(label string) Duration {
			return Duration(rapid.Float64Range(1, 30).Draw(r, label) * float64(ms))
		}
		s := Spread{Mean: draw("mean")}
		if rapid.Bool().Draw(r, "has p50") {
			s.P50 = draw("p50")
		}
		if rapid.Bool().Draw(r, "has p99") {
			s.P99 = draw("p99")
		}
		samples, e := s.samples()
		if e != nil {
			if e.Field == "" || e.Problem == "" || e.Remedy == "" || !errors.Is(e, ErrProfile) {
				r.Fatalf("%+v: %v", s, e)
			}
			return
		}
		taken++
		p, err := New("m", "o", [][]Batch{{{1, samples}}})
		if err != nil {
			r.Fatal(err)
		}
		for what, c := range map[string][2]float64{
			"mean": {float64(p.Mean(0, 1)), float64(s.Mean)},
			"p50":  {float64(p.Quantile(0, 1, 0.5)), float64(s.P50)},
			"p99":  {float64(p.Quantile(0, 1, 0.99)), float64(s.P99)},
		} {
			if c[1] != 0 && math.Abs(c[0]/c[1]-1) > 0.01 { // points are not all that lies between them
				r.Errorf("%+v: its %s is %v", s, what, time.Duration(c[0]))
			}
		}
	})
	if taken < 20 {
		t.Errorf("only %d spreads were taken", taken)
	}
}

func TestDocumentRoundTrip(t *testing.T) {
	d := read(t, string(byHandFile(t)))
	d.Fingerprint, d.Bytes = "5d41", &Bytes{[]int{3136, 100, 50, 25}, 300}
	d.Offers["4-vCPU VM"].Measured = time.Date(2026, 11, 24, 17, 0, 0, 0, time.UTC)
	var text bytes.Buffer
	if err := d.Write(&text); err != nil {
		t.Fatal(err)
	}
	again := read(t, text.String())
	if !reflect.DeepEqual(again, d) {
		t.Errorf("%+v\nbecomes %+v", d, again)
	}
	if says := `"summary": "3 samples: mean 420ms, p50 410ms, p99 450ms, longest 450ms"`; !strings.Contains(text.String(), says) {
		t.Errorf("no %s in\n%s", says, &text)
	}
	d.Stages = nil
	if err := d.Write(io.Discard); !errors.Is(err, ErrProfile) {
		t.Errorf("no stages: %v", err)
	}
}

// Files of the time before documents are read too.
func TestDocumentOfProfile(t *testing.T) {
	d := read(t, good)
	p, err := d.Profile("o")
	if err != nil || d.Fingerprint != "m" || p.Model() != "m" || p.Mean(0, 8) != 20 || p.Mean(1, 1) != 9 || !d.Has("o", 1) || d.Has("o", 8) {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := ReadDocument(strings.NewReader(`{"model":"m","offer":"o","stages":[]}`)); !errors.Is(err, ErrProfile) {
		t.Errorf("no stages: %v", err)
	}
}

func TestReadDocumentRefuses(t *testing.T) {
	with := func(fields string) string { return `{"version":1,"stages":["a","b"]` + fields + `}` }
	offer := func(fields string) string { return with(`,"offers":{"vm":{` + fields + `}}`) }
	stage := func(fields string) string { return offer(`"times":[{"stage":"b",` + fields + `}]`) }
	for _, c := range []struct{ input, says string }{
		{"", "unexpected end"},
		{"{\n\"version\": 1,\n}", "line 3: "},
		{with("") + "{}", "after top-level value"},
		{`{"stages":["a"]}`, `version: there is none: add "version": 1`},
		{`{"version":2,"more":1}`, "version: 2: this program reads 1"},
		{`{"version":1}`, "stages: there are none"},
		{`{"version":1,"stages":["a","a"]}`, `stages: stage 2 is called "a"`},
		{`{"version":1,"stages":[""]}`, `stages: stage 1 is called ""`},
		{with(`,"boots":1`), `unknown field "boots"`},
		{with(`,"reach":{"shares":[1],"from":"by hand"}`), "reach: [1]: give a share for each of the 2 stages"},
		{with(`,"reach":{"shares":[1,1.1],"from":"by hand"}`), "reach: [1 1.1]"},
		{with(`,"bytes":{"into":[1,-1],"answer":1}`), "bytes: [1 -1] and 1"},
		{with(`,"offers":{"vm":null}`), `offer "vm", offers: nothing is known`},
		{with(`,"offers":{"":{}}`), "one has no name"},
		{offer(`"boot":"-3s"`), `offer "vm", boot: -3s: give times above 0`},
		{offer(`"boot":"3"`), `"3" is no time`},
		{offer(`"boot":3`), "cannot unmarshal number"},
		{offer(`"coldStart":"1s 0s"`), `offer "vm", coldStart: 0s`},
		{offer(`"way":"-1ms"`), `offer "vm", way: -1ms`},
		{offer(`"memoryMB":-1`), `offer "vm", memoryMB: -1`},
		{offer(`"slots":-1`), `offer "vm", slots: -1`},
		{offer(`"times":[{"stage":"c","mean":"1ms"}]`), `offer "vm", stage "c", stage: the model has none of this name: its stages are ["a" "b"]`},
		{offer(`"times":[{"mean":"1ms"},{"mean":"1ms"}]`), "two entries"},
		{stage(`"gain":1.4`), `offer "vm", stage "b", batches of 1 rows, samples: there are none`},
		{stage(`"p99":"2ms"`), `offer "vm", stage "b", batches of 1 rows, mean: there is none`},
		{stage(`"mean":"-2ms"`), "mean: -2ms: give more than 0"},
		{stage(`"mean":"48h"`), "at most 24h"},
		{stage(`"mean":"2ms","p50":"3ms"`), "p50: 3ms does not go with the others"},
		{stage(`"mean":"2ms","p99":"1ms"`), "p99: 1ms does not go with the others"},
		{stage(`"mean":"2ms","p99":"100ms"`), "give one from 2ms to "},
		{stage(`"mean":"2ms","p50":"3ms","p99":"2ms"`), "p99: 2ms is less than the p50 of 3ms"},
		{stage(`"mean":"20ms","p50":"3ms","p99":"5ms"`), "mean: 20ms does not go with the others"},
		{stage(`"mean":"2ms","gain":17`), "gain: 17"},
		{stage(`"mean":"2ms","batches":[{"rows":1,"mean":"2ms"}]`), "batches: there is also a mean beside them"},
		{stage(`"batches":[{"rows":0,"mean":"2ms"}]`), "rows: they come after those of 0"},
		{stage(`"batches":[{"rows":2,"mean":"2ms"}],"gain":2`), "gain: there are batches beside it"},
		{stage(`"batches":[{"rows":1,"mean":"2ms"},{"rows":1,"mean":"2ms"}]`), "batches of 1 rows, rows: they come after those of 1"},
		{stage(`"batches":[{"rows":1,"mean":"2ms"},{"rows":8,"mean":"8ms"}],"gain":2`), "gain: there are batches beside it"},
		{stage(`"batches":[{"rows":1,"mean":"2ms","samples":"2ms"}]`), "samples: there is also a mean"},
		{stage(`"batches":[{"rows":1,"samples":"2ms -1ms"}]`), "samples: -1ms"},
		{stage(`"batches":[{"rows":1,"samples":""}]`), "samples: there are none"},
	} {
		_, err := ReadDocument(strings.NewReader(c.input))
		if !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.input, err, c.says)
		}
	}
	if _, err := ReadDocument(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, ErrProfile) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that fails: %v", err)
	}
	var e *FieldError
	if _, err := ReadDocument(strings.NewReader(stage(`"mean":"-2ms"`))); !errors.As(err, &e) || e.Offer != "vm" || e.Stage != "b" || e.Field != "mean" || e.Remedy == "" {
		t.Errorf("%+v", e)
	}
}

func TestDocumentProfileRefuses(t *testing.T) {
	d := read(t, `{"version":1,"stages":["a","b"],"offers":{"vm":{"times":[{"stage":"a","mean":"1ms"}]},"two":{"times":[{"batches":[{"rows":2,"mean":"1ms"}]}]}}}`)
	for offer, says := range map[string]string{"two": `offer "two", stage "a", batches: there are none of 1 row`, "vm": `stage "b", times: there are none`, "gpu": `offer "gpu", offers: it is not among them`} {
		if p, err := d.Profile(offer); p != nil || !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestReachOf(t *testing.T) {
	for _, c := range []struct{ leave, want []float64 }{
		{[]float64{0.5, 0.2, 0.3}, []float64{1, 0.5, 0.3}},
		{[]float64{50, 20, 30}, []float64{1, 0.5, 0.3}},
		{[]float64{0.7, 0.2, 0.1, 0}, []float64{1, 0.3, 0.1, 0}},
	} {
		got := ReachOf(FromValidation, c.leave)
		for i := range c.want {
			if math.Abs(got.Shares[i]-c.want[i]) > 1e-12 || got.Shares[i] < 0 || got.From != FromValidation {
				t.Errorf("%v: %+v, want %v", c.leave, got, c.want)
			}
		}
	}
}

func FuzzReadDocument(f *testing.F) {
	f.Add(byHandFile(f))
	f.Add([]byte(good))
	f.Add([]byte(`{"version":1,"stages":["a"],"offers":{"o":{"measured":"2026-11-24T17:00:00Z","slots":2,"way":"1ms","times":[{"batches":[{"rows":1,"summary":"x","samples":"1ns 24h"},{"rows":1048576,"mean":"1ns"}]}]}}}`))
	f.Add([]byte(`{"version":1,"stages":["a"],"offers":{"o":{"times":[{"mean":"1ns","p50":"1ns","p99":"24h","gain":16}]}}}`))
	f.Add([]byte(`{"version":1,"stages":["a"],"bytes":{"into":[1e400]}}`))
	f.Add([]byte(`{"version":null,"offers":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ReadDocument(bytes.NewReader(raw))
		if err != nil {
			if !errors.Is(err, ErrProfile) || d != nil {
				t.Fatalf("%+v, and %v, which is no ErrProfile", d, err)
			}
			return
		}
		var first, second bytes.Buffer
		if err := d.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := ReadDocument(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, &first)
		}
		if err := again.Write(&second); err != nil || second.String() != first.String() {
			t.Fatalf("%v: written\n%sthen\n%s", err, &first, &second)
		}
		for offer := range d.Offers {
			if p, err := d.Profile(offer); err == nil {
				checkTimes(t, p, 16)
			} else if !errors.Is(err, ErrProfile) {
				t.Fatal(err)
			}
		}
		both, err := d.Merge(again)
		if err == nil {
			err = both.Check()
		}
		if err != nil {
			t.Fatalf("it does not go with itself: %v", err)
		}
	})
}
