// Package shouting is the worker program of examples/aws and examples/gcp: a model, and what a process of
// it becomes on either cloud. What differs between the two is only where the service rents.
package shouting

import (
	"context"
	"strings"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// Model is what the service, the VMs and the functions share: put your own here. It tells whether a
// text is shouted, by its first letters if they agree, and else by all of it.
var Model = stage.NewModel("shouting",
	stage.New("glance", stage.Func("1", glance), exit.MaxProb(0.9)),
	stage.New("read", stage.Func("1", read), exit.Final()))

func glance(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return score(rows, in, 8, 0.3)
}

func read(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	return score(rows, in, 1<<20, 10)
}

// score returns the texts for the next stage, and logits for quiet and shouting.
func score(rows int, in []stage.Tensor, letters int, weight float32) ([]stage.Tensor, error) {
	texts, err := stage.StringData(in[0])
	if err != nil {
		return nil, err
	}
	logits := make([]float32, 0, 2*rows)
	for _, text := range texts {
		loud := float32(0)
		for _, letter := range text[:min(len(text), letters)] {
			switch upper := strings.ToUpper(string(letter)); {
			case upper != string(letter):
				loud--
			case strings.ToLower(upper) != upper:
				loud++
			}
		}
		logits = append(logits, -weight*loud, weight*loud)
	}
	return []stage.Tensor{in[0], stage.Of(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
}
