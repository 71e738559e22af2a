package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
)

// Waits is a model whose stages wait for drawn times instead of computing, so that few cores
// can stand for many VMs. Of a batch, one row after the other is waited for.
type Waits struct {
	Name   string
	Times  profile.Times
	Slower func() float64 // how many times longer it takes just now; nil if it never does
}

// classes are what a sample of Waits may be of.
const classes = 8

// Sample is a request that leaves at a stage with a class, from 0 to 7.
func Sample(depth, class int) stage.Tensor {
	return stage.Float32("row", []int64{2}, []float32{float32(depth), float32(class)})
}

// Depth draws the stage that a request leaves at: reach has the share of all requests that
// gets as far as each.
func Depth(r *rand.Rand, reach []float64) (depth int) {
	for rank := r.Float64(); depth+1 < len(reach) && rank < reach[depth+1]; {
		depth++
	}
	return depth
}

// Model has a stage "s1", "s2" and so on for each of Times.
func (w Waits) Model() stage.Model {
	m := stage.NewModel(w.Name)
	for k := range w.Times.Stages() {
		policy := exit.MaxProb(0.9)
		if k == w.Times.Stages()-1 {
			policy = exit.Final()
		}
		m.Stages = append(m.Stages, stage.New(fmt.Sprintf("s%d", k+1), stage.Func("waits", w.stage(k)), policy))
	}
	return m
}

// stage is stage k, which is sure of the rows that are to leave at it.
func (w Waits) stage(k int) stage.RunFunc {
	return func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		samples, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		if len(samples) != 2*rows {
			return nil, fmt.Errorf("%w: %d values in %d rows: send load.Sample", stage.ErrInput, len(samples), rows)
		}
		if err := w.wait(ctx, k, rows); err != nil {
			return nil, err
		}
		logits := make([]float32, classes*rows)
		for i := range rows {
			if int(samples[2*i]) <= k {
				logits[classes*i+int(samples[2*i+1])%classes] = 10
			}
		}
		return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), classes}, logits)}, nil
	}
}

// wait waits for as long as the rows take, or until nobody waits for them.
func (w Waits) wait(ctx context.Context, k, rows int) error {
	r, slower, all := rand.New(anyone{}), 1.0, time.Duration(0)
	if w.Slower != nil {
		slower = w.Slower()
	}
	for range rows {
		all += time.Duration(slower * float64(w.Times.Draw(k, 1, r)))
	}
	select {
	case <-time.After(all):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// anyone is a source that many goroutines may share.
type anyone struct{}

func (anyone) Uint64() uint64 { return rand.Uint64() }
