package profile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const good = `{"model":"m","offer":"o","stages":[[{"rows":1,"nanoseconds":[5,7]},{"rows":8,"nanoseconds":[20]}],[{"rows":1,"nanoseconds":[9]}]]}`

func TestReadAndWrite(t *testing.T) {
	p, err := Read(strings.NewReader(good), "m")
	if err != nil {
		t.Fatal(err)
	}
	if p.Model() != "m" || p.Offer() != "o" || p.Stages() != 2 || p.Mean(0, 8) != 20 || p.Mean(1, 1) != 9 {
		t.Errorf("%+v", p)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil || strings.TrimSpace(b.String()) != good {
		t.Errorf("written: %v\n%s", err, &b)
	}
	if _, err := Read(strings.NewReader(good), ""); err != nil {
		t.Errorf("any model: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	stage := func(batches string) string { return `{"model":"m","offer":"o","stages":[[` + batches + `]]}` }
	for _, c := range []struct{ input, says string }{
		{``, "unexpected end"},
		{`{"model":"m"`, "unexpected end"},
		{good + "{}", "after top-level value"},
		{strings.Replace(good, `"m"`, `"other"`, 1), `measured on model "other", and this is "m"`},
		{`{"offer":"o","stages":[]}`, `measured on model ""`},
		{strings.Replace(good, `"o"`, `""`, 1), "no offer"},
		{`{"model":"m","offer":"o","stages":[]}`, "no stages"},
		{stage(``), "1 row"},
		{stage(`{"rows":2,"nanoseconds":[1]}`), "1 row"},
		{stage(`{"rows":0,"nanoseconds":[1]},{"rows":1,"nanoseconds":[1]}`), "1 row"},
		{stage(`{"rows":1,"nanoseconds":[1]},{"rows":1,"nanoseconds":[1]}`), "each size once"},
		{stage(`{"rows":1,"nanoseconds":[1]},{"rows":8,"nanoseconds":[1]},{"rows":4,"nanoseconds":[1]}`), "smallest first"},
		{stage(`{"rows":1,"nanoseconds":[]}`), "no samples"},
		{stage(`{"rows":1}`), "no samples"},
		{stage(`{"rows":1,"nanoseconds":[7,5]}`), "not sorted"},
		{stage(`{"rows":1,"nanoseconds":[-5,7]}`), "-5ns"},
		{stage(`{"rows":1,"nanoseconds":[0,7]}`), "at least 1 ns"},
		{stage(`{"rows":1,"nanoseconds":[null]}`), "at least 1 ns"},
		{stage(`{"rows":1,"nanoseconds":[NaN]}`), "invalid character 'N'"},
		{stage(`{"rows":1,"nanoseconds":[1.5]}`), "whole nanoseconds"},
		{stage(`{"rows":1,"nanoseconds":[1e400]}`), "whole nanoseconds"},
		{stage(`{"rows":1,"nanoseconds":[86400000000001]}`), "at most 24h"},
	} {
		_, err := Read(strings.NewReader(c.input), "m")
		if !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.input, err, c.says)
		}
	}
	if _, err := Read(strings.NewReader(`{"offer":"o","stages":[]}`), ""); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), "no model") {
		t.Errorf("no model: %v", err)
	}
	if _, err := Read(iotest.ErrReader(io.ErrUnexpectedEOF), "m"); !errors.Is(err, ErrProfile) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that fails: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good), 3)
	f.Add([]byte(`{"model":"m","offer":"o","stages":[[{"rows":1,"nanoseconds":[1,86400000000000]},{"rows":9223372036854775807,"nanoseconds":[1]}]]}`), 1<<62)
	f.Add([]byte(`{"model":"m","offer":"o","stages":[[{"rows":1,"nanoseconds":[NaN]}]]}`), 1)
	f.Add([]byte(`{"stages":null}`), -1)
	f.Fuzz(func(t *testing.T, raw []byte, rows int) {
		p, err := Read(bytes.NewReader(raw), "")
		if err != nil {
			if !errors.Is(err, ErrProfile) {
				t.Fatalf("%v is no ErrProfile", err)
			}
			return
		}
		checkTimes(t, p, rows)
		var first, second bytes.Buffer
		if err := p.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()), p.Model())
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, &first)
		}
		if err := again.Write(&second); err != nil || second.String() != first.String() {
			t.Fatalf("%v: written\n%sthen\n%s", err, &first, &second)
		}
	})
}

func checkTimes(t *testing.T, p *Profile, rows int) {
	r := random()
	for s := range p.Stages() {
		least, most := p.Quantile(s, rows, 0), p.Quantile(s, rows, 1)
		for _, d := range []time.Duration{least, p.Mean(s, rows), p.Draw(s, rows, r), p.Quantile(s, rows, 0.5)} {
			// The mean is rounded, and of many samples it is a sum that was.
			if slack := 1 + most/1e12; d < 1 || d < least-slack || d-slack > most {
				t.Fatalf("stage %d, %d rows: %d is not from %d to %d", s, rows, d, least, most)
			}
		}
	}
}
