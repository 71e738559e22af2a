package fakeaws

import (
	"errors"
	"fmt"
	"time"
)

// sandbox is where calls of a function run, one at a time.
type sandbox interface {
	// call answers a payload within the time that the function has. An error is a *failure, after
	// which the sandbox is gone, or one of the function's own.
	call(payload []byte, limit time.Duration) ([]byte, error)
	end()
}

// failure is an error that Lambda itself reports.
type failure struct{ kind, message string }

func (f *failure) Error() string { return f.kind + ": " + f.message }

// own is an error that the program of a function reports of a call, and lives on.
type own struct{ kind, message string }

func (o *own) Error() string { return o.message }

// kindOf is the type and the text of an error, both empty if there is none.
func kindOf(err error) (kind, message string) {
	var theirs *failure
	var ours *own
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &theirs):
		return theirs.kind, theirs.message
	case errors.As(err, &ours):
		return ours.kind, ours.message
	}
	return "errorString", err.Error()
}

// plain is a sandbox that calls Options.Function.
type plain struct {
	function func(payload []byte) ([]byte, error)
}

func (p plain) call(payload []byte, _ time.Duration) ([]byte, error) { return p.function(payload) }
func (plain) end()                                                   {}

// initialise makes a sandbox, in the time that it takes.
func (c *Cloud) initialise(x creation) (sandbox, error) {
	if c.options.Program != nil {
		return start(c.options.Program(x.Environment.Variables), arn(c.options.Region, x.FunctionName))
	}
	time.Sleep(c.options.Init)
	return plain{c.options.Function}, nil
}

func exited(err error) error {
	if err == nil {
		return &failure{"Runtime.ExitError", "RequestId: 8f5 Error: Runtime exited without providing a reason"}
	}
	return &failure{"Runtime.ExitError", "RequestId: 8f5 Error: Runtime exited with error: " + err.Error()}
}

func timedOut(limit time.Duration) error {
	return &failure{"Sandbox.Timedout", fmt.Sprintf("RequestId: 8f5 Error: Task timed out after %.2f seconds", limit.Seconds())}
}
