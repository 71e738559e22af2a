package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// A worker with a stage that has not returned for too long says that it is not ready, and
// which stage it is; and that it is ready when the stage has returned after all.
func TestStuck(t *testing.T) {
	for name, c := range map[string]struct{ stuck, limit time.Duration }{
		"by default": {0, time.Minute}, "as told": {5 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := alive(t, modelOf("m", votes(0), takes(c.limit+10*time.Second, false)), launch.Setup{Slots: 2, Stages: stage.Range{Last: 1}, Stuck: c.stuck})
				begun := time.Now()
				row := make(chan error, 1)
				ctx, gone := context.WithTimeout(t.Context(), time.Second)
				defer gone()
				go func() {
					_, err := l.remote.Run(ctx, remote.Request{Stages: l.setup.Load().Stages, Inputs: []stage.Tensor{rows(2, 0, 0, 9)}})
					row <- err
				}()
				if err := <-row; !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				time.Sleep(c.limit - time.Since(begun))
				if err := l.remote.Check(t.Context()); err != nil {
					t.Errorf("after %v: %v", c.limit, err)
				}
				time.Sleep(time.Second)
				if err := l.remote.Check(t.Context()); !errors.Is(err, stage.ErrFailed) || errors.Is(err, remote.ErrRefused) || !strings.Contains(fmt.Sprint(err), `stage "b" has not returned`) {
					t.Errorf("a second later: %v", err)
				}
				time.Sleep(10 * time.Second)
				if err := l.remote.Check(t.Context()); err != nil {
					t.Errorf("it has returned: %v", err)
				}
				l.stop(errParent)
				<-l.ended
			})
		})
	}
}

// What takes long is not stuck as long as its stages return: neither many batches one after
// the other, nor a batch that is run row by row, nor a slot that rests for its share of a core.
func TestBusyIsNotStuck(t *testing.T) {
	refuses := func(ctx context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		time.Sleep(8 * time.Second)
		if n > 1 {
			return nil, errors.New("one at a time")
		}
		return votes(0)(ctx, n, in)
	}
	for name, share := range map[string]float64{"row by row": 1, "on a tenth of a core": 0.1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, modelOf("m", refuses), launch.Setup{MaxBatch: 4, Stuck: 10 * time.Second}, share)
				done := make(chan error, 1)
				go func() {
					_, err := w.answers(t.Context(), make([]float32, 4*8)...)
					done <- err
				}()
				for n := 0; ; n++ {
					select {
					case err := <-done:
						if err != nil || n < 60 {
							t.Errorf("%v after %d s", err, n)
						}
						return
					case <-time.After(time.Second):
						if err := w.stuck(); err != nil {
							t.Fatalf("after %d s: %v", n, err)
						}
					}
				}
			})
		})
	}
}

// A setup that asks for the impossible is refused.
func TestSetupOfStuck(t *testing.T) {
	if _, err := open(t.Context(), voting, launch.Setup{Stages: stage.Range{Last: 2}, Stuck: -1}, 1); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Error(err)
	}
}
