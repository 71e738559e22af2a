package serflow

import (
	"context"
	"time"
)

// Observer is told what a pipeline does, for metrics, traces and logs. Its methods
// are called on the requests' goroutines, concurrently: they must be quick, and a
// panic in one reaches the caller of Infer. Embed NoObserver, so that methods added
// later do not break the build.
type Observer interface {
	// StageDone follows every run of a stage in process. What runs elsewhere is seen in
	// Result.Path.
	StageDone(ctx context.Context, e StageEvent)
	// RequestDone follows the end of every request, once for each row, and once for
	// a call that is refused before any stage has run.
	RequestDone(ctx context.Context, e RequestEvent)
	// ExitsChanged follows a change in how requests leave: see Drift, Watch, Brownout and
	// Pipeline.SetExits. It is mostly called on a goroutine of the pipeline's own, where a panic ends
	// the program.
	ExitsChanged(e ExitsEvent)
}

// StageEvent is one run of one stage on a batch.
type StageEvent struct {
	Stage    string
	Rows     int // requests in the batch
	Exited   int // of them, those that left at its exit
	Duration time.Duration
	Err      error
}

// RequestEvent is the end of one request.
type RequestEvent struct {
	Exit     string // the stage whose exit answered; empty on failure
	Duration time.Duration
	Err      error
}

// NoObserver ignores everything.
type NoObserver struct{}

func (NoObserver) StageDone(context.Context, StageEvent)     {}
func (NoObserver) RequestDone(context.Context, RequestEvent) {}
func (NoObserver) ExitsChanged(ExitsEvent)                   {}
