package onnx

import (
	"context"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

// Recycled memory holds later outputs, of either kind: copied and bound ones.
func TestRecycle(t *testing.T) {
	r := mustOpen(t, "encoder")
	for _, rows := range []int{1, 2000} { // 2000 rows are beyond copyLimit
		kept, err := r.Run(context.Background(), rows, []stage.Tensor{ramp("x", 0, int64(rows), 4)})
		if err != nil {
			t.Fatal(err)
		}
		want := append([]byte(nil), kept[0].Data...)
		for i := range 20 {
			x := ramp("x", float32(i%3), int64(rows), 4)
			out, err := r.Run(context.Background(), rows, []stage.Tensor{x})
			if err != nil {
				t.Fatal(err)
			}
			if rows == 1 {
				if err := checkEncoder(x, rows, out); err != nil {
					t.Fatal(err)
				}
			}
			r.Recycle(out)
		}
		if string(kept[0].Data) != string(want) {
			t.Errorf("%d rows: an output that was not handed back has changed", rows)
		}
	}
}

func TestRecycleOfStrangers(t *testing.T) {
	r := mustOpen(t, "encoder")
	r.Recycle(nil)
	r.Recycle([]stage.Tensor{{Name: "none"}, floats("never asked for", []int64{5}, 1, 2, 3, 4, 5)})
	x := ramp("x", 0, 1, 4)
	out, err := r.Run(context.Background(), 1, []stage.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEncoder(x, 1, out); err != nil {
		t.Error(err)
	}
}

func TestBuffersKeepSizesApart(t *testing.T) {
	var b buffers
	for _, size := range []int{0, 1, 7, 300, 7, 0} {
		data := b.take(size)
		if len(data) != size {
			t.Fatalf("asked for %d bytes, got %d", size, len(data))
		}
		b.give(data)
	}
}

// BenchmarkRecycle: bytes a run do not grow with the tensors.
func BenchmarkRecycle(b *testing.B) {
	r := mustOpen(b, "encoder")
	for name, rows := range map[string]int64{"rows=1": 1, "rows=16": 16, "rows=1000": 1000, "rows=100000": 100_000} {
		in := []stage.Tensor{ramp("x", 0, rows, 4)}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			once := func() {
				out, err := r.Run(context.Background(), int(rows), in)
				if err != nil {
					b.Fatal(err)
				}
				r.Recycle(out)
			}
			once() // the first run allocates what all use
			for b.Loop() {
				once()
			}
		})
	}
}
