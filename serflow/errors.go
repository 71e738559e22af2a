package serflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// What a request can end in; test with errors.Is. Those of a stage
// are package stage's own.
var (
	ErrInput    = stage.ErrInput                   // the caller's tensors do not fit
	ErrModel    = stage.ErrModel                   // the model cannot be served as described
	ErrStage    = stage.ErrFailed                  // a runner failed, panicked or broke its contract
	ErrDeadline = errors.New("deadline exceeded")  // also wraps context.DeadlineExceeded
	ErrClosed   = errors.New("pipeline is closed") // Shutdown or Close has begun
	ErrWorker   = errors.New("not in a worker")    // a worker opens no pipeline

	// With providers.
	ErrShed      = balancer.ErrShed       // it could not have been answered in time any more
	ErrCapacity  = balancer.ErrNoPlace    // nothing serves the stage now, or all that does is at its limits
	ErrTries     = balancer.ErrTries      // it failed at every place tried; wraps what the last one said
	ErrThrottled = providers.ErrThrottled // a function's limit of calls at once
	ErrLimit     = providers.ErrLimit     // a limit of yours, or of the account

	ErrFingerprint = remote.ErrFingerprint // a VM or function has another model, or another version of it
)

// PanicError is a panic in a stage. Use errors.As to get it out of an *Error.
type PanicError = stage.PanicError

// Error says where a request failed and what to do about it. Fields that are not
// known are empty.
type Error struct {
	Stage    string // the stage that was running or about to run
	Group    string // the group of stages it ran in
	Provider string // what ran it; "in-process" without providers
	Remedy   string // what the reader can do
	Err      error  // the cause, wrapping one of the sentinels or the context's error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("serflow: ")
	for _, part := range []struct{ name, value string }{{"stage", e.Stage}, {"group", e.Group}, {"provider", e.Provider}} {
		if part.value != "" {
			fmt.Fprintf(&b, "%s %q: ", part.name, part.value)
		}
	}
	fmt.Fprint(&b, e.Err)
	if e.Remedy != "" {
		b.WriteString(" (" + e.Remedy + ")")
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// ended explains a context that is over, and what to do about it.
func ended(ctx context.Context) (remedy string, err error) {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, ErrClosed) {
		return "it was still running when Shutdown ran out of time: give Shutdown longer", cause
	}
	if cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "allow more time or exit earlier", fmt.Errorf("%w: %w", ErrDeadline, err)
	}
	return "the caller cancelled it", err
}
