// Package launch is what a provider of subprocesses and its children agree on. The
// provider starts a program with Environment set, and writes one line of JSON to its
// standard input, a Start. The child answers with one line on its standard output,
// ReadyPrefix and a Ready in JSON. It lives until its standard input ends.
package launch

import (
	"sync/atomic"
	"time"
)

// Environment is the variable that marks a child, and Stdin its value: the Start comes
// by standard input. In a container that has neither input nor files, its value is InEnvironment,
// and the Start is in the variable StartVariable.
const (
	Environment   = "SERFLOW_WORKER"
	Stdin         = "stdin"
	InEnvironment = "environment"
	StartVariable = "SERFLOW_START"
)

// The kinds of child.
const (
	VM       = "vm"
	Function = "function"
)

// ReadyPrefix begins the line that holds a Ready.
const ReadyPrefix = "serflow-worker "

// InvokePath is where a function takes calls, by POST with the header
// "Authorization: Bearer <credential>": body in, body out, status 200.
const InvokePath = "/serflow/v1/invoke"

// HoldInput is the input, an INT64 of one value, by which a call for a stage behind the model's last says how many nanoseconds it
// is to take before it is refused: such calls, made at one time, come to as many instances of a function. LongestHold is the
// most that is heeded.
const (
	HoldInput   = "serflow_hold_ns"
	LongestHold = time.Second
)

// InitHeader is what a worker's first answer at InvokePath has, and no other: how many
// nanoseconds it took from the beginning of its program until it could serve.
const InitHeader = "Serflow-Init-Ns"

// DrainPath is where an owner asks a worker by POST to take no more rows.
const DrainPath = "/serflow/v1/drain"

// SetupPath is where an owner gives a worker another Setup by POST, as JSON.
const SetupPath = "/serflow/v1/setup"

// Start is what a child is told.
type Start struct {
	Kind       string  `json:"kind"`
	Listen     string  `json:"listen"`               // the address to listen at; a port of 0 is any
	Setup      string  `json:"setup"`                // opaque to the provider; may hold a secret
	Credential string  `json:"credential,omitempty"` // that a function's callers must show
	Pace       float64 `json:"pace"`                 // share of a core that one slot may use, above 0 and at most 1
}

// Ready is what a child says when it serves, or cannot: one of the two is set.
type Ready struct {
	Address string `json:"address,omitempty"` // host and port
	Error   string `json:"error,omitempty"`   // why it exits with status 1
}

var armed atomic.Bool

// Arm tells that this program becomes a worker when it is started as a child.
func Arm() { armed.Store(true) }

// Armed tells whether Arm has been called. A program that has not must not start itself:
// its child would do what the program does, and start itself again.
func Armed() bool { return armed.Load() }
