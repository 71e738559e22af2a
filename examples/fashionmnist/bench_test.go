package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/onnx"
)

// BenchmarkStage runs every stage of the network by stage/onnx and hands the outputs
// back. What it allocates does not depend on the batch.
func BenchmarkStage(b *testing.B) {
	for _, rows := range []int{1, 16, 64} {
		for k, in := range stageInputs(b, rows) {
			r := openStage(b, k)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.Run(fmt.Sprintf("s%d/batch=%d", k+1, rows), func(b *testing.B) {
				b.ReportAllocs()
				runStage(b, ctx, r, rows, in) // the first run allocates what all use
				for b.Loop() {
					runStage(b, ctx, r, rows, in)
				}
			})
		}
	}
}

// BenchmarkBesideBare runs every stage by stage/onnx and, turn by turn, by a bare
// session of the binding on the same input. The bare session is given all it could
// want: tensors that are bound once and for all, and nobody who reads the outputs.
// x-bare is the ratio of the medians; the last row is the whole network.
func BenchmarkBesideBare(b *testing.B) {
	for _, rows := range []int{1, 16} {
		var sumOurs, sumBare time.Duration
		for k, in := range stageInputs(b, rows) {
			r, bare := openStage(b, k), newBare(b, k, in)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.Run(fmt.Sprintf("s%d/batch=%d", k+1, rows), func(b *testing.B) {
				var ours, theirs []time.Duration
				for b.Loop() {
					begun := time.Now()
					runStage(b, ctx, r, rows, in)
					half := time.Now()
					bare(b)
					ours, theirs = append(ours, half.Sub(begun)), append(theirs, time.Since(half))
				}
				sumOurs, sumBare = sumOurs+median(ours), sumBare+median(theirs)
				b.ReportMetric(float64(median(ours))/float64(median(theirs)), "x-bare")
			})
		}
		b.Run(fmt.Sprintf("all/batch=%d", rows), func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(sumOurs)/float64(sumBare), "x-bare")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func openStage(b *testing.B, k int) stage.Runner {
	file, err := model.File(k)
	if err != nil {
		b.Fatal(err)
	}
	r, err := onnx.Bytes(file).Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return r
}

func runStage(b *testing.B, ctx context.Context, r stage.Runner, rows int, in []stage.Tensor) {
	out, err := r.Run(ctx, rows, in)
	if err != nil {
		b.Fatal(err)
	}
	r.(stage.Recycler).Recycle(out)
}

// stageInputs are what the first test images become on their way through the stages.
func stageInputs(b *testing.B, rows int) [][]stage.Tensor {
	images, err := model.Test()
	if err != nil {
		b.Fatal(err)
	}
	shape := append([]int64{int64(rows)}, model.Shape...)
	in := []stage.Tensor{stage.Float32(model.Input, shape, slices.Concat(images.Pixels[:rows]...))}
	var inputs [][]stage.Tensor
	for k := range model.Stages {
		inputs = append(inputs, in)
		out, err := openStage(b, k).Run(b.Context(), rows, in)
		if err != nil {
			b.Fatal(err)
		}
		in = slices.DeleteFunc(out, func(t stage.Tensor) bool { return t.Name == stage.Logits })
	}
	return inputs
}

// newBare is a session of the binding alone, with one thread, as stage/onnx has.
func newBare(b *testing.B, k int, in []stage.Tensor) func(*testing.B) {
	file, err := model.File(k)
	if err != nil {
		b.Fatal(err)
	}
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(file)
	if err != nil {
		b.Fatal(err)
	}
	x, err := stage.Data[float32](in[0])
	if err != nil {
		b.Fatal(err)
	}
	input, err := ort.NewTensor(ort.NewShape(in[0].Shape...), x)
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	var results []ort.Value
	for _, o := range outputs {
		shape := slices.Clone(o.Dimensions)
		shape[0] = in[0].Shape[0]
		t, err := ort.NewEmptyTensor[float32](shape)
		if err != nil {
			b.Fatal(err)
		}
		names, results = append(names, o.Name), append(results, t)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		b.Fatal(err)
	}
	if err := options.SetIntraOpNumThreads(1); err != nil {
		b.Fatal(err)
	}
	s, err := ort.NewAdvancedSessionWithONNXData(file, []string{inputs[0].Name}, names, []ort.Value{input}, results, options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_, _ = s.Destroy(), options.Destroy()
		for _, v := range append(results, input) {
			_ = v.Destroy()
		}
	})
	return func(b *testing.B) {
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
