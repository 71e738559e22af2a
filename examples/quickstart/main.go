// Quickstart serves a two-stage model whose stages are Go functions: short texts are
// decided by the first stage, long ones by the second. It needs nothing but Go.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

var model = stage.NewModel("shouting",
	stage.New("glance", stage.Func("1", glance), exit.MaxProb(0.9)),
	stage.New("read", stage.Func("1", read), exit.Final()))

// glance looks at the first letters only, and is sure if they agree.
func glance(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return score(rows, in, 8, 0.3)
}

// read looks at the whole text.
func read(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return score(rows, in, 1<<20, 10)
}

// score returns the texts for the next stage and logits for quiet and shouting.
func score(rows int, in []stage.Tensor, letters int, weight float32) ([]stage.Tensor, error) {
	texts, err := stage.StringData(in[0])
	if err != nil {
		return nil, err
	}
	logits := make([]float32, 0, 2*rows)
	for _, text := range texts {
		text = text[:min(len(text), letters)]
		upper := float32(strings.Count(strings.ToUpper(text), "") - 1)
		for i := range len(text) {
			if text[i] != strings.ToUpper(text)[i] {
				upper -= 2
			}
		}
		logits = append(logits, -weight*upper, weight*upper)
	}
	return []stage.Tensor{in[0], stage.Of(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
}

func main() {
	ctx := context.Background()
	p, err := serflow.Open(ctx, model)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, text := range []string{"HELLO THERE", "good morning", "WHO is that", "AbCdEfGHIJKL"} {
		r, err := p.Infer(ctx, stage.Strings("text", nil, []string{text}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-14q shouting=%v  left at %q  confidence %.2f\n", text, r.Class == 1, model.Stages[r.Exit].Name, r.Confidence)
	}
	for _, s := range p.Stats().Stages {
		fmt.Printf("stage %-8q reach %.2f  exit rate %.2f\n", s.Stage, s.Reach, s.ExitRate)
	}
}
