package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// matmul is x [n,k] times the weights (i-3)/4 of shape [k,cols], which the
// test models use throughout.
func matmul(x []float32, k, cols int) []float32 {
	y := make([]float32, len(x)/k*cols)
	for i := range y {
		for j := range k {
			y[i] += x[i/cols*k+j] * (float32(j*cols+i%cols) - 3) / 4
		}
	}
	return y
}

func checkEncoder(x stage.Tensor, rows int, out []stage.Tensor) error {
	h := matmul(valuesOf(x), 4, 3)
	for i, want := range []stage.Tensor{
		floats("h", []int64{int64(rows), 3}, h...),
		floats("logits", []int64{int64(rows), 2}, matmul(h, 3, 2)...),
	} {
		got := out[i]
		if got.Name != want.Name || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !slices.Equal(valuesOf(got), valuesOf(want)) {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
	}
	return nil
}

func TestRunBatches(t *testing.T) {
	for _, threads := range []int{1, 2} {
		r := mustOpen(t, "encoder", Threads(threads))
		for _, rows := range []int{1, 2, 16, 1, 2000, 16} { // 2000 rows are beyond copyLimit
			x := ramp("x", 0, int64(rows), 4)
			for i := range x.Data { // keep the values exact
				if i%4 == 0 {
					copy(x.Data[i:], floats("", nil, float32(i%64)).Data)
				}
			}
			out, err := r.Run(context.Background(), rows, []stage.Tensor{x})
			if err != nil {
				t.Fatal(err)
			}
			if err := checkEncoder(x, rows, out); err != nil {
				t.Fatalf("rows %d: %v", rows, err)
			}
		}
	}
}

func TestStagesChain(t *testing.T) {
	encoder, head := mustOpen(t, "encoder"), mustOpen(t, "head")
	first, err := encoder.Run(context.Background(), 3, []stage.Tensor{ramp("x", 1, 3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := head.Run(context.Background(), 3, first[:1])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(second[0].Data, first[1].Data) {
		t.Errorf("head gives %v, encoder %v", valuesOf(second[0]), valuesOf(first[1]))
	}
}

func TestRunConcurrently(t *testing.T) {
	r := mustOpen(t, "encoder")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				rows := 1 + (g+i)%40 // more shapes than maxIdle
				x := ramp("x", float32(g), int64(rows), 4)
				out, err := r.Run(ctx, rows, []stage.Tensor{x})
				if err == nil {
					err = checkEncoder(x, rows, out)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestOutputsAreTheCallers(t *testing.T) {
	r := mustOpen(t, "encoder")
	x := ramp("x", 0, 1, 4)
	first, err := r.Run(context.Background(), 1, []stage.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(context.Background(), 1, []stage.Tensor{ramp("x", 9, 1, 4)}); err != nil {
		t.Fatal(err)
	}
	if err := checkEncoder(x, 1, first); err != nil {
		t.Error("a later run has changed it:", err)
	}
}

func TestOpenDimensionAndUnalignedInput(t *testing.T) {
	r := mustOpen(t, "wide")
	for _, width := range []int64{1, 7, 0, 5000} {
		x := ramp("x", 0, 2, width)
		x.Data = append([]byte{0}, x.Data...)[1:] // at an odd address
		out, err := r.Run(context.Background(), 2, []stage.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out[0].Shape, x.Shape) || len(out[0].Data) != len(x.Data) {
			t.Fatalf("got shape %v with %d bytes, want %v", out[0].Shape, len(out[0].Data), x.Shape)
		}
		for i, v := range valuesOf(out[0]) {
			if v != 2*float32(i) {
				t.Fatalf("element %d is %v", i, v)
			}
		}
	}
}

func TestOutputRows(t *testing.T) {
	for _, model := range []string{"total", "twice"} {
		r := mustOpen(t, model)
		_, err := r.Run(context.Background(), 2, []stage.Tensor{ramp("x", 0, 2, 4)})
		if err == nil || errors.Is(err, stage.ErrInput) || !strings.Contains(err.Error(), "output") || !strings.Contains(err.Error(), "2") {
			t.Errorf("%s: got %v, want an error about the rows of the output", model, err)
		}
	}
}

func TestBadInputs(t *testing.T) {
	r := mustOpen(t, "encoder")
	x := ramp("x", 0, 2, 4)
	with := func(change func(*stage.Tensor)) []stage.Tensor {
		y := x
		change(&y)
		return []stage.Tensor{y}
	}
	for name, c := range map[string]struct {
		rows int
		in   []stage.Tensor
		want []string
	}{
		"no rows":    {0, []stage.Tensor{x}, []string{"0 rows", "at least 1"}},
		"missing":    {2, nil, []string{`"x" is missing`, "[rows 4]"}},
		"unknown":    {2, []stage.Tensor{x, ramp("z", 0, 2, 1)}, []string{`"z" is unknown`, "takes x"}},
		"twice":      {2, []stage.Tensor{x, x}, []string{`"x" is given twice`}},
		"dtype":      {2, with(func(y *stage.Tensor) { y.DType = stage.Int32 }), []string{`"x" has dtype INT32`, "want FP32"}},
		"shape":      {2, with(func(y *stage.Tensor) { y.Shape = []int64{2, 2, 2} }), []string{`"x" has shape [2 2 2]`, "want [rows 4]"}},
		"scalar":     {2, with(func(y *stage.Tensor) { y.Shape = nil }), []string{`"x" has shape []`, "want [rows 4]"}},
		"rows":       {3, []stage.Tensor{x}, []string{`"x" has 2 rows, want 3`}},
		"short data": {2, with(func(y *stage.Tensor) { y.Data = y.Data[1:] }), []string{`"x"`, "31 bytes"}},
	} {
		_, err := r.Run(context.Background(), c.rows, c.in)
		if !errors.Is(err, stage.ErrInput) {
			t.Errorf("%s: got %v, want stage.ErrInput", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", name, err, want)
			}
		}
	}
}

func TestInputsInAnyOrder(t *testing.T) {
	a, b := ramp("a", 0, 1, 1), ramp("b", 1, 1, 1)
	r := &runner{inputs: []spec{
		{name: "a", dtype: stage.FP32, shape: []int64{-1, 1}},
		{name: "b", dtype: stage.FP32, shape: []int64{-1, 1}},
	}}
	in := []stage.Tensor{b, a}
	args, err := r.check(1, in)
	if err != nil || args[0].Name != "a" || args[1].Name != "b" {
		t.Errorf("got %v, %v, want a and b", args, err)
	}
	if in[0].Name != "b" {
		t.Error("the caller's slice has been reordered")
	}
}

func TestCancel(t *testing.T) {
	r := mustOpen(t, "slow")
	x := []stage.Tensor{ramp("x", 0, 1, 4)}
	for range 3 { // the slot is used again, so it must not stay terminated, or be late
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err := r.Run(ctx, 1, x) // it would loop for hours
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the deadline", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Run(ctx, 1, x); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}

// A context that ends about when its run does must not harm the next run.
func TestCancelLate(t *testing.T) {
	r := mustOpen(t, "encoder")
	x := ramp("x", 0, 1, 4)
	for i := range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*100*time.Nanosecond)
		if _, err := r.Run(ctx, 1, []stage.Tensor{x}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
		out, err := r.Run(context.Background(), 1, []stage.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkEncoder(x, 1, out); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCloseWaits(t *testing.T) {
	r := mustOpen(t, "encoder")
	x := []stage.Tensor{ramp("x", 0, 1, 4)}
	if _, err := r.acquire(x); err != nil { // a run has begun
		t.Fatal(err)
	}
	var ended atomic.Bool
	after := make(chan bool, 2)
	for range 2 {
		go func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			after <- ended.Load()
		}()
	}
	for { // until one of them has begun to close
		if _, err := r.Run(context.Background(), 1, x); errors.Is(err, errClosed) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	ended.Store(true)
	r.running.Done()
	if first, second := <-after, <-after; !first || !second {
		t.Error("Close has not waited for the run")
	}
}

func TestBytesAndFingerprint(t *testing.T) {
	data, err := os.ReadFile("testdata/encoder.onnx")
	if err != nil {
		t.Fatal(err)
	}
	inMemory := Bytes(data)
	a, errA := inMemory.Fingerprint()
	b, errB := File("testdata/encoder.onnx").Fingerprint()
	c, errC := File("testdata/head.onnx").Fingerprint()
	if errA != nil || errB != nil || errC != nil || a != b || a == c || len(a) != 64 {
		t.Errorf("fingerprints %q %q %q, errors %v %v %v", a, b, c, errA, errB, errC)
	}
	r, err := inMemory.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := ramp("x", 0, 1, 4)
	out, err := r.Run(context.Background(), 1, []stage.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEncoder(x, 1, out); err != nil {
		t.Error(err)
	}
}
