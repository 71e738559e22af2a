package onnx

import (
	"context"
	"fmt"
	"testing"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
)

var batches = []int{1, 16}

func BenchmarkRun(b *testing.B) {
	r := mustOpen(b, "encoder")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, rows := range batches {
		in := []stage.Tensor{ramp("x", 0, int64(rows), 4)}
		b.Run(fmt.Sprintf("batch=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Run(ctx, rows, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBare is the binding itself: with tensors made for each run, as a
// program does whose data comes and goes, and with the same ones throughout,
// which is the least there is.
func BenchmarkBare(b *testing.B) {
	opts, err := sessionOptions(1)
	if err != nil {
		b.Fatal(err)
	}
	defer opts.Destroy()
	s, err := ort.NewDynamicAdvancedSession("testdata/encoder.onnx", []string{"x"}, []string{"h", "logits"}, opts)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Destroy()
	for _, rows := range batches {
		x := make([]float32, rows*4)
		b.Run(fmt.Sprintf("batch=%d/tensors=each", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in, out := bareTensors(b, x)
				if err := s.Run(in, out); err != nil {
					b.Fatal(err)
				}
				destroy(in, out)
			}
		})
		b.Run(fmt.Sprintf("batch=%d/tensors=same", rows), func(b *testing.B) {
			in, out := bareTensors(b, x)
			defer destroy(in, out)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Run(in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func bareTensors(b *testing.B, x []float32) (in, out []ort.Value) {
	rows := int64(len(x) / 4)
	t, err1 := ort.NewTensor(ort.NewShape(rows, 4), x)
	h, err2 := ort.NewEmptyTensor[float32](ort.NewShape(rows, 3))
	logits, err3 := ort.NewEmptyTensor[float32](ort.NewShape(rows, 2))
	if err1 != nil || err2 != nil || err3 != nil {
		b.Fatal(err1, err2, err3)
	}
	return []ort.Value{t}, []ort.Value{h, logits}
}

func destroy(sets ...[]ort.Value) {
	for _, set := range sets {
		for _, v := range set {
			_ = v.Destroy()
		}
	}
}
