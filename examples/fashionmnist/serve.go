package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/onnx"
)

// tally is what serving the test images came to.
type tally struct {
	images  int
	right   int
	left    []int // images that left at each stage
	correct []int // of them, those answered right
	elapsed time.Duration
	stats   serflow.Stats
}

// fashion is the network's first stages, one for each of the exits.
func fashion(exits []exit.Policy) (stage.Model, error) {
	m := stage.NewModel("fashion")
	for k, policy := range exits {
		file, err := model.File(k)
		if err != nil {
			return m, err
		}
		m.Stages = append(m.Stages, stage.New(fmt.Sprintf("s%d", k+1), onnx.Bytes(file), policy))
	}
	return m, nil
}

// serve opens the network with these exits and answers every image, in batches of
// the given size. Done is called with the number of images answered so far.
func serve(ctx context.Context, exits []exit.Policy, images model.Images, batch int, done func(int)) (t tally, err error) {
	m, err := fashion(exits)
	if err != nil {
		return t, err
	}
	p, err := serflow.Open(ctx, m)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	t = tally{images: len(images.Labels), left: make([]int, len(exits)), correct: make([]int, len(exits))}
	begun := time.Now()
	for i := 0; i < t.images; i += batch {
		end := min(i+batch, t.images)
		results, err := infer(ctx, p, images.Pixels[i:end])
		if err != nil {
			return t, err
		}
		for j, r := range results {
			t.left[r.Exit]++
			if r.Class == images.Labels[i+j] {
				t.correct[r.Exit]++
				t.right++
			}
		}
		done(end)
	}
	t.elapsed, t.stats = time.Since(begun), p.Stats()
	return t, nil
}

// infer answers one image by Infer, more by InferBatch.
func infer(ctx context.Context, p *serflow.Pipeline, images [][]float32) ([]serflow.Result, error) {
	if len(images) == 1 {
		r, err := p.Infer(ctx, stage.Float32(model.Input, model.Shape, images[0]))
		return []serflow.Result{r}, err
	}
	var pixels []float32
	for _, image := range images {
		pixels = append(pixels, image...)
	}
	shape := append([]int64{int64(len(images))}, model.Shape...)
	return p.InferBatch(ctx, stage.Float32(model.Input, shape, pixels))
}

func (t tally) accuracy() float64 { return float64(t.right) / float64(t.images) }

// perImage is the mean multiply-adds of an image, given those of each stage.
func (t tally) perImage(cost []float64) float64 {
	total, deep := 0.0, 0.0
	for k, n := range t.left {
		deep += cost[k]
		total += float64(n) * deep
	}
	return total / float64(t.images)
}

// rate is images answered in a second.
func (t tally) rate() float64 { return float64(t.images) / t.elapsed.Seconds() }
