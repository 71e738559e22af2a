package wire

import (
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// Version is that of our additions to the protocol.
const Version = 1

// HeaderLength is the HTTP header that says how long the JSON of a message with
// binary data is. Without it the body is all JSON.
const HeaderLength = "Inference-Header-Content-Length"

// Request is rows that are to be taken through some stages.
type Request struct {
	ID    string
	Plain bool // a request of the bare protocol: the fields from Fingerprint to Idle are not set

	Fingerprint string        // of the model
	Generation  uint64        // of the plan
	Stages      stage.Range   // First: where the rows enter; Last: the last stage to run here
	Remaining   time.Duration // until the deadline; 0 for none
	Keep        bool          // nothing else would be in time: rows are not to be handed back for that while they can be in time here
	Exits       []exit.Policy // of the stages of the range, in order; empty: the worker's own. What a kind does not read is not carried
	States      []exit.State  // one a row; empty: all are zero
	Asked       []exit.Policy // of the range too: what each exit that a row passes is asked beside, for Reply.Seen; empty: nothing
	Idle        bool          // rows are served when no others wait: nobody waits for them

	Inputs []stage.Tensor // batch tensors: the first dimension is the rows

	BinaryOutput bool     // of a plain request: outputs are wanted in binary; EncodeRequest always asks for it
	Outputs      []string // of a plain request: names of the wanted outputs; empty for all
}

// Rows is the first dimension of the inputs of a request that was decoded; 0 if it has none.
func (r *Request) Rows() int {
	if len(r.Inputs) == 0 || len(r.Inputs[0].Shape) == 0 {
		return 0
	}
	return int(r.Inputs[0].Shape[0])
}

// Reply is what became of the rows.
type Reply struct {
	ID, Model string
	Service   time.Duration // how long the worker worked on them, without waiting; 0 if unknown
	// Times is that for each stage which ran, in order, of a request of one row, or of one whose rows
	// have all run as one batch, with no other row and at every stage; empty if unknown.
	Times []time.Duration
	Load  int    // rows that the worker still has
	Parts []Part // each row is in exactly one; their stages do not fall
	// Seen is what each exit that ran for a row said when it was asked as Request.Asked has it,
	// one list a row; empty if nothing was asked, or none ran.
	Seen [][]Seen
}

// Seen is what an exit said of a row, whether it left there or not.
type Seen struct {
	Class int     // -1 for a bad row
	Score float64 // what the policy compares: exit.Decision.Score
}

// Part is rows that left at the same stage.
type Part struct {
	Rows   []int // indices of the request's rows, ascending
	Exited bool  // answered by the exit of Stage; else to go on at Stage
	Stage  int

	Class      []int        // of exited rows, one a row; -1 for a bad row
	Confidence []float64    // of exited rows, one a row, from 0 to 1
	States     []exit.State // of rows that go on, one a row; empty: all are zero

	// Outputs are batch tensors of len(Rows) rows. Rows that go on at the request's
	// first stage, where nothing has been run, need none: the sender has their inputs.
	Outputs []stage.Tensor
}
