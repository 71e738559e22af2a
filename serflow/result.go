package serflow

import (
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Result is the answer to one request.
type Result struct {
	Exit       int     // index in Model.Stages of the stage whose exit answered; -1 without an answer
	Class      int     // the class with the highest logit; -1 without an answer, without logits, or if they are not finite
	Confidence float64 // its probability by softmax; 0 if the logits were not finite or absent
	Path       []Hop   // where the request has been
	Dollars    float64 // of the calls of functions that it took, and of the time that VMs worked on it; VMs cost beyond that, also while they wait, and Stats has what calls come to that were given up
	Err        error   // of a row of InferBatch: why it has no answer

	outputs []stage.Tensor
}

// unanswered is the result of a request that has no answer, or none yet.
var unanswered = Result{Exit: -1, Class: -1}

// Hop is one visit of a request to a group of stages.
type Hop struct {
	Group    string
	Provider string
	Kind     string // "vm" or "function"; empty in process
	Place    string // the provider's ID of the VM or function; empty in process
	First    int    // index of the first stage that ran there
	Last     int    // index of the last; First-1 if none did
	Duration time.Duration
	Dollars  float64
	Err      error // why it had to go elsewhere, if it did
}

// Output is an output of the stage that answered, of one sample's shape: the
// logits at an early exit, every output at the last. An unknown name gives the
// zero Tensor, from which stage.Data returns an error.
func (r Result) Output(name string) stage.Tensor {
	for _, t := range r.outputs {
		if t.Name == name {
			return t
		}
	}
	return stage.Tensor{Name: name}
}
