package stage_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

func TestDataRoundTrip(t *testing.T) {
	want := []int64{math.MinInt64, -1, 0, math.MaxInt64}
	x := stage.Of("x", []int64{2, 2}, want)
	if got, err := stage.Data[int64](x); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	if x.DType != stage.Int64 || x.Data[8] != 0xff || x.Data[24] != 0xff || x.Data[31] != 0x7f {
		t.Fatalf("not little-endian INT64: %v % x", x.DType, x.Data)
	}
	if _, err := stage.Data[float32](x); !errors.Is(err, stage.ErrInput) {
		t.Fatalf("wrong type: %v", err)
	}
	texts := []string{"", "a", "日本"}
	s := stage.Strings("s", []int64{3}, texts)
	if got, err := stage.StringData(s); err != nil || !reflect.DeepEqual(got, texts) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestView32(t *testing.T) {
	x := stage.Float32("x", []int64{3}, []float32{1, 2, 3})
	shifted := x
	shifted.Data = append(make([]byte, 1, 13), x.Data...)[1:] // not aligned
	for _, x := range []stage.Tensor{x, shifted} {
		if got, err := stage.View32(x); err != nil || !reflect.DeepEqual(got, []float32{1, 2, 3}) {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

func TestDTypeNames(t *testing.T) {
	for d := stage.Bool; d <= stage.Bytes; d++ {
		if got, err := stage.ParseDType(d.String()); err != nil || got != d {
			t.Errorf("%v: got %v, %v", d, got, err)
		}
	}
	for _, name := range []string{"", "INVALID", "fp32"} {
		if _, err := stage.ParseDType(name); !errors.Is(err, stage.ErrInput) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, x := range map[string]stage.Tensor{
		"no name":        {DType: stage.Uint8, Shape: []int64{0}},
		"no type":        {Name: "x", Shape: []int64{0}},
		"unknown type":   {Name: "x", DType: 99, Shape: []int64{0}},
		"negative":       {Name: "x", DType: stage.Uint8, Shape: []int64{-1}},
		"negative, zero": {Name: "x", DType: stage.Uint8, Shape: []int64{0, -1}},
		"overflow":       {Name: "x", DType: stage.Uint8, Shape: []int64{1 << 32, 1 << 32}},
		"short":          {Name: "x", DType: stage.FP32, Shape: []int64{2}, Data: make([]byte, 7)},
		"long":           {Name: "x", DType: stage.FP32, Shape: []int64{2}, Data: make([]byte, 9)},
		"bytes count":    {Name: "x", DType: stage.Bytes, Shape: []int64{2}, Data: make([]byte, 4)},
		"bytes length":   {Name: "x", DType: stage.Bytes, Shape: []int64{1}, Data: []byte{255, 255, 255, 255, 1}},
		"bytes head":     {Name: "x", DType: stage.Bytes, Shape: []int64{1}, Data: []byte{0, 0}},
	} {
		if err := x.Validate(); !errors.Is(err, stage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStackTakeRow(t *testing.T) {
	row := func(v float32, text string) []stage.Tensor {
		return []stage.Tensor{stage.Float32("x", []int64{2}, []float32{v, -v}), stage.Strings("s", nil, []string{text})}
	}
	batch, err := stage.Stack([][]stage.Tensor{row(1, "one"), row(2, "two!"), row(3, "")})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := stage.Rows(batch); n != 3 || err != nil {
		t.Fatalf("rows %d, %v", n, err)
	}
	taken := stage.Take(batch, []int{2, 0})
	want, _ := stage.Stack([][]stage.Tensor{row(3, ""), row(1, "one")})
	if !reflect.DeepEqual(taken, want) {
		t.Fatalf("took %v, want %v", taken, want)
	}
	if got := stage.Row(batch[1], 1); string(got.Data) != "\x04\x00\x00\x00two!" || len(got.Shape) != 0 {
		t.Fatalf("row %v", got)
	}
	if _, err := stage.Stack([][]stage.Tensor{row(1, "a"), row(2, "b")[:1]}); !errors.Is(err, stage.ErrInput) {
		t.Fatal(err)
	}
	if _, err := stage.Stack(nil); !errors.Is(err, stage.ErrInput) {
		t.Fatal(err)
	}
}

func TestRowsRefuses(t *testing.T) {
	x := stage.Float32("x", []int64{1}, []float32{1})
	for name, batch := range map[string][]stage.Tensor{
		"nothing":   nil,
		"scalar":    {stage.Float32("x", nil, []float32{1})},
		"two rows":  {x, stage.Float32("y", []int64{2}, []float32{1, 2})},
		"same name": {x, x},
		"invalid":   {stage.Float32("x", []int64{3}, []float32{1})},
	} {
		if _, err := stage.Rows(batch); !errors.Is(err, stage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func noop(version string) stage.Source {
	return stage.Func(version, func(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil })
}

func TestModelRefuses(t *testing.T) {
	final := stage.New("b", noop("1"), exit.Final())
	for want, m := range map[string]stage.Model{
		"no name":                stage.NewModel("", final),
		"no stages":              stage.NewModel("m"),
		"two stages":             stage.NewModel("m", stage.New("b", noop("1"), exit.MaxProb(.9)), final),
		"has no name":            stage.NewModel("m", stage.New("", noop("1"), exit.MaxProb(.9)), final),
		"no source":              stage.NewModel("m", stage.New("b", nil, exit.Final())),
		"must end in exit.Final": stage.NewModel("m", stage.New("b", noop("1"), exit.MaxProb(.9))),
		"would never run":        stage.NewModel("m", stage.New("a", noop("1"), exit.Final()), final),
		`exit of stage "a"`:      stage.NewModel("m", stage.New("a", noop("1"), exit.MaxProb(7)), final),
	} {
		if err := m.Validate(); !errors.Is(err, stage.ErrModel) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := m.Fingerprint(); err == nil {
			t.Errorf("%s: has a fingerprint", want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	model := func(version string, first exit.Policy, names ...string) string {
		m := stage.NewModel("m", stage.New(names[0], noop(version), first), stage.New(names[1], noop("1"), exit.Final()))
		f, err := m.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	same := model("1", exit.MaxProb(.9), "a", "b")
	if other := model("1", exit.MaxProb(.5), "a", "b"); other != same {
		t.Error("a threshold changes the fingerprint")
	}
	if other := model("1", exit.Never(), "a", "b"); other != same {
		t.Error("an exit that is switched off changes the fingerprint")
	}
	for name, other := range map[string]string{
		"source": model("2", exit.MaxProb(.9), "a", "b"),
		"order":  model("1", exit.MaxProb(.9), "b", "a"),
	} {
		if other == same {
			t.Errorf("the %s does not change the fingerprint", name)
		}
	}
}

// FuzzValidate: whatever Validate takes can be split, taken apart and read.
func FuzzValidate(f *testing.F) {
	f.Add(uint8(stage.Bytes), int64(2), int64(1), []byte("\x01\x00\x00\x00a\x00\x00\x00\x00"))
	f.Add(uint8(stage.FP32), int64(1), int64(2), make([]byte, 8))
	f.Add(uint8(stage.Uint8), int64(1)<<62, int64(1)<<62, []byte{})
	f.Add(uint8(stage.Bytes), int64(1), int64(1), []byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, dtype uint8, a, b int64, data []byte) {
		x := stage.Tensor{Name: "x", DType: stage.DType(dtype), Shape: []int64{a, b}, Data: data}
		if a > 1<<16 || x.Validate() != nil {
			return
		}
		var total int
		for row := range int(a) {
			s := stage.Row(x, row)
			if err := s.Validate(); err != nil {
				t.Fatalf("row %d: %v", row, err)
			}
			total += len(s.Data)
			if a > 64 {
				return
			}
		}
		if total != len(data) {
			t.Fatalf("rows hold %d of %d bytes", total, len(data))
		}
	})
}

func ExampleData() {
	x := stage.Float32("x", []int64{1, 3}, []float32{1, 2, 3})
	values, err := stage.Data[float32](x)
	fmt.Println(x.DType, values, err)
	// Output: FP32 [1 2 3] <nil>
}
