package worker

import (
	"context"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// hold takes the time over a call for a stage behind the model's last that it asks for: see launch.HoldInput. Of any
// other request it takes none.
func (w *worker) hold(ctx context.Context, r *wire.Request) {
	if r.Fingerprint != w.fingerprint || r.Stages.First < len(w.stages.Model.Stages) || len(r.Inputs) != 1 || r.Inputs[0].Name != launch.HoldInput {
		return
	}
	held, err := stage.Data[int64](r.Inputs[0])
	if err != nil || len(held) != 1 {
		return
	}
	t := time.NewTimer(min(time.Duration(held[0]), launch.LongestHold))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.ctx.Done():
	}
}
