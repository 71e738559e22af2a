package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// A call for a stage that the model has not takes as long as it asks for, a second at most, and is then refused. Nothing else
// does.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFunction(t, 1<<20)
		defer f.Close()
		behind := stage.Range{First: 3, Last: 3}
		held := func(ns ...int64) stage.Tensor { return stage.Of(launch.HoldInput, []int64{int64(len(ns))}, ns) }
		for name, c := range map[string]struct {
			in          stage.Tensor
			stages      stage.Range
			fingerprint string
			want        time.Duration
		}{
			"as long as asked": {held(int64(50 * time.Millisecond)), behind, f.s.fingerprint, 50 * time.Millisecond},
			"a second at most": {held(int64(time.Hour)), behind, f.s.fingerprint, time.Second},
			"no time":          {held(-5), behind, f.s.fingerprint, 0},
			"two values":       {held(1e9, 1e9), behind, f.s.fingerprint, 0},
			"another type":     {stage.Float32(launch.HoldInput, []int64{1}, []float32{1e9}), behind, f.s.fingerprint, 0},
			"another input":    {stage.Of("x", []int64{1}, []int64{1e9}), behind, f.s.fingerprint, 0},
			"another model":    {held(1e9), behind, "another", 0},
			"a stage there is": {held(1e9), stage.Range{First: 2, Last: 2}, f.s.fingerprint, 0},
		} {
			begun := time.Now()
			_, err := f.ask(t.Context(), c.fingerprint, c.stages, c.in)
			if took := time.Since(begun); took != c.want || err == nil {
				t.Errorf("%s: took %v, want %v: %v", name, took, c.want, err)
			}
			if name == "as long as asked" && !errors.Is(err, stage.ErrInput) {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		begun := time.Now()
		f.ask(ctx, f.s.fingerprint, behind, held(1e9))
		if took := time.Since(begun); took != 10*time.Millisecond {
			t.Errorf("given up after 10ms, it took %v", took)
		}
	})
}

func (f *Function) ask(ctx context.Context, fingerprint string, stages stage.Range, in stage.Tensor) (remote.Reply, error) {
	return remote.Over(ctx, remote.Request{Fingerprint: fingerprint, Stages: stages, Inputs: []stage.Tensor{in}},
		func(ctx context.Context, body []byte) ([]byte, error) { return f.Answer(ctx, body), nil })
}
