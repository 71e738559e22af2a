package worker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// Function is a worker that does not listen: whoever has it brings it bodies, as the runtime of a
// cloud's functions does. It asks for no credential, and does not end by itself: the cloud sees to
// who may call, and for how long it runs. It is safe for concurrent use.
type Function struct{ s *server }

// OpenFunction opens a model to serve as start says, the line of JSON that this package documents;
// only its setup and pace are read. An answer has up to longest bytes; what would be longer is
// answered with an error that says so.
func OpenFunction(ctx context.Context, model stage.Model, start string, longest int) (*Function, error) {
	var told launch.Start
	if err := json.Unmarshal([]byte(start), &told); err != nil {
		return nil, fmt.Errorf("what to serve is no JSON: %w", err)
	}
	setup, err := launch.ParseSetup(told.Setup)
	if err != nil {
		return nil, err
	}
	w, err := open(ctx, model, setup, told.Pace)
	if err != nil {
		return nil, err
	}
	l := standard
	l.body = min(l.body, longest-len(wire.Pack(0, nil)))
	return &Function{newServer(w, "", l)}, nil
}

// Answer answers a body as POST /serflow/v1/invoke does, with an error as an answer too. The body is
// the function's from now on. When the context is over, rows that wait are given up, and a stage
// that runs is told.
func (f *Function) Answer(ctx context.Context, body []byte) []byte {
	b := f.s.buffers.Get().(*buffers)
	answer, err := f.s.frame(ctx, f.s.now(), b, body)
	if err != nil {
		return wire.Pack(-1, wire.EncodeError(nil, wireError(err))) // and b is not used again, as in infer
	}
	f.s.release(b)
	return answer
}

// Close ends what runs, and closes the model's stages.
func (f *Function) Close() error { return f.s.close(giveUp) }
