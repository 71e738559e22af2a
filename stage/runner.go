package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Logits is the name of the output that a stage's exit decides on: FP32, of shape
// [rows, classes]. All other outputs are the next stage's inputs.
const Logits = "logits"

// Runner computes one stage. It is safe for concurrent use.
type Runner interface {
	// Run takes and returns tensors whose first dimension is rows. It does
	// not write to in and keeps nothing of it; what it returns, in's tensors among
	// it, is the caller's. It ends early with the context's error if the context ends.
	Run(ctx context.Context, rows int, in []Tensor) ([]Tensor, error)
	// Close frees what the runner holds, once running calls have ended.
	Close() error
}

// Recycler is a Runner that can use the memory of its outputs again.
type Recycler interface {
	Runner
	// Recycle takes tensors that this runner returned, of any of its runs. The
	// caller neither reads nor writes them, nor anything that shares their memory,
	// from here on. Not calling it costs only memory for the garbage collector. The
	// outputs of one run must not overlap. A panic reaches the caller of Infer.
	Recycle(outputs []Tensor)
}

// Port is an input or an output of a runner. Its first dimension is the rows; -1 stands
// for one that may be anything.
type Port struct {
	Name  string
	DType DType
	Shape []int64
}

// String is the port as messages show it.
func (p Port) String() string { return fmt.Sprintf("%q, %v %v", p.Name, p.DType, p.Shape) }

// Describer is a Runner that knows its inputs and outputs beforehand, so that stages
// which do not fit each other are found when they are opened.
type Describer interface {
	Runner
	Ports() (inputs, outputs []Port)
}

// Source is what a Runner is opened from: a model file, a Go function. It is a
// description only, so that a Model can be a package-level variable.
type Source interface {
	Open(ctx context.Context) (Runner, error)
	// Fingerprint changes whenever the stage would compute something else.
	Fingerprint() (string, error)
}

// RunFunc is a stage in Go: see Runner.Run.
type RunFunc func(ctx context.Context, rows int, in []Tensor) ([]Tensor, error)

// Func makes a source of a Go function. The version stands for its code in the
// model's fingerprint: change it when the function computes something else.
func Func(version string, f RunFunc) Source { return funcSource{version, f} }

type funcSource struct {
	version string
	run     RunFunc
}

func (s funcSource) Open(ctx context.Context) (Runner, error) {
	if s.run == nil {
		return nil, fmt.Errorf("%w: stage.Func of a nil function", ErrModel)
	}
	return funcRunner(s.run), ctx.Err()
}

func (s funcSource) Fingerprint() (string, error) {
	sum := sha256.Sum256([]byte("func " + s.version))
	return hex.EncodeToString(sum[:]), nil
}

type funcRunner RunFunc

func (r funcRunner) Run(ctx context.Context, rows int, in []Tensor) ([]Tensor, error) {
	return r(ctx, rows, in)
}

func (r funcRunner) Close() error { return nil }
