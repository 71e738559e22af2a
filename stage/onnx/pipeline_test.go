package onnx_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/onnx"
)

func ExampleFile() {
	model := stage.NewModel("tiny",
		stage.New("encoder", onnx.File("testdata/encoder.onnx"), exit.MaxProb(0.9)),
		stage.New("head", onnx.File("testdata/head.onnx"), exit.Final()))
	p, err := serflow.Open(context.Background(), model)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, size := range []float32{10, 1} {
		r, err := p.Infer(context.Background(), stage.Float32("x", []int64{4}, []float32{size, 0, 0, 0}))
		if err != nil {
			log.Fatal(err)
		}
		logits, err := stage.Data[float32](r.Output("logits"))
		fmt.Printf("%s %.3f %.2f %v\n", model.Stages[r.Exit].Name, logits, r.Confidence, err)
	}
	// Output:
	// encoder [6.250 2.500] 0.98 <nil>
	// head [0.625 0.250] 0.59 <nil>
}

func TestBadInputNamesStageAndRemedy(t *testing.T) {
	p := open(t, "encoder")
	_, err := p.Infer(t.Context(), stage.Float32("y", []int64{4}, make([]float32, 4)))
	var e *serflow.Error
	if !errors.Is(err, serflow.ErrInput) || !errors.As(err, &e) || e.Stage != "encoder" || e.Remedy == "" {
		t.Fatal(err)
	}
}

// A model file in the wrong place is found when the pipeline opens.
func TestFilesThatDoNotFit(t *testing.T) {
	encoder := onnx.File("testdata/encoder.onnx")
	_, err := serflow.Open(t.Context(), stage.NewModel("m", stage.New("a", encoder, exit.MaxProb(0)), stage.New("b", encoder, exit.Final())))
	var e *serflow.Error
	if !errors.Is(err, serflow.ErrModel) || !errors.As(err, &e) || e.Stage != "b" {
		t.Fatal(err)
	}
}

// TestShutdownEndsARunInTheRuntime: the model would loop for hours.
func TestShutdownEndsARunInTheRuntime(t *testing.T) {
	p := open(t, "slow")
	done := make(chan error, 1)
	go func() {
		_, err := p.Infer(t.Context(), stage.Float32("x", []int64{4}, make([]float32, 4)))
		done <- err
	}()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Shutdown(over); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, serflow.ErrClosed) {
		t.Error(err)
	}
}

// open serves one model file alone.
func open(t *testing.T, name string) *serflow.Pipeline {
	t.Helper()
	source := onnx.File("testdata/" + name + ".onnx")
	p, err := serflow.Open(t.Context(), stage.NewModel(name, stage.New(name, source, exit.Final())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
