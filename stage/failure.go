package stage

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// ErrFailed marks a runner that failed, panicked or broke its contract.
var ErrFailed = errors.New("stage failed")

// PanicError is a panic in a stage. Use errors.As to get it out of an error.
type PanicError struct {
	Value any    // that was passed to panic
	At    string // file and line
	Stack []byte // as package debug prints it
}

// NewPanicError is to be called by the deferred function that has recovered the panic.
func NewPanicError(value any) *PanicError {
	e := &PanicError{Value: value, Stack: debug.Stack()}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for panicking := false; ; {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicking && !inRuntime {
			e.At = fmt.Sprintf("%s:%d", frame.File, frame.Line)
			return e
		}
		if panicking = panicking || inRuntime; !more {
			return e
		}
	}
}

func (e *PanicError) Error() string {
	if e.At == "" {
		return fmt.Sprintf("panic: %v", e.Value)
	}
	return fmt.Sprintf("panic at %s: %v", e.At, e.Value)
}
