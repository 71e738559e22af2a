package fakeaws

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// longestPayload is what a call may carry, in or out.
const longestPayload = 6 << 20

var errTooLarge = &failure{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}

// The ways in which a function fails; other faults are of the API.
const (
	TimedOut    Fault = "timed out"
	OutOfMemory Fault = "out of memory"
	InitFailed  Fault = "init failed"
	NoReport    Fault = "no report" // it answers, and its log has no end
)

// running is a call that has begun.
type running struct {
	function *function
	number   string // of the version
	version  *version
	sandbox  sandbox // nil if none was idle
	fault    Fault
}

// invoke is Invoke, in which time passes while others call.
func (c *Cloud) invoke(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	call, refused := c.begin(r, name, body)
	if refused != nil {
		refuse(w, *refused)
		return
	}
	init := time.Duration(0)
	var err error
	began := time.Now()
	if call.sandbox == nil {
		call.sandbox, err = c.initialise(call.function.creation)
		init = time.Since(began)
		began = began.Add(init)
	}
	var answer []byte
	if err == nil {
		answer, err = call.sandbox.call(body, time.Duration(call.function.creation.Timeout)*time.Second)
	}
	if len(answer) > longestPayload {
		err = errTooLarge
	}
	if fault := call.fails(); fault != nil {
		err = fault
	}
	result := c.end(call, err, init, time.Since(began))
	if call.fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	if kind, message := kindOf(err); kind != "" {
		answer, _ = json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(result)))
	}
	w.Header().Set("X-Amz-Executed-Version", call.number)
	w.Write(answer)
}

// begin takes a sandbox, or says why the call is not begun.
func (c *Cloud) begin(r *http.Request, name string, body []byte) (running, *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault, refused := c.enter(r, "lambda:InvokeFunction")
	if refused != nil {
		return running{}, refused
	}
	f, refused := c.named(asked{name: name})
	if refused != nil {
		return running{}, refused
	}
	number, v := f.find(r.URL.Query().Get("Qualifier"))
	switch {
	case v == nil:
		return running{}, &refusal{404, "ResourceNotFoundException", "Function not found: " + name + ":" + r.URL.Query().Get("Qualifier")}
	case time.Now().Before(v.ready):
		return running{}, &refusal{409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending"}
	case len(body) > longestPayload:
		return running{}, &refusal{413, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"}
	case len(body) > 0 && !json.Valid(body):
		return running{}, &refusal{400, "InvalidRequestContentException", "Could not parse request body into json"}
	case c.full(f):
		return running{}, &refusal{429, "TooManyRequestsException", "Rate Exceeded."}
	}
	f.running++
	call := running{f, number, v, nil, fault}
	if n := len(v.idle); n > 0 && fault != InitFailed {
		call.sandbox, v.idle = v.idle[n-1], v.idle[:n-1]
	} else {
		v.started++
	}
	return call, nil
}

// end bills a call and returns its log. A sandbox stays unless it has failed, or its function is
// gone.
func (c *Cloud) end(call running, err error, init, ran time.Duration) (log string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := call.function.creation
	if call.fault == TimedOut {
		ran = time.Duration(x.Timeout) * time.Second
	}
	call.function.running--
	used := 71
	if call.fault == OutOfMemory {
		used = x.MemorySize
	}
	var fatal *failure
	switch {
	case call.sandbox == nil:
	case errors.As(err, &fatal) && fatal != errTooLarge, call.version.gone:
		call.sandbox.end()
	default:
		call.version.idle = append(call.version.idle, call.sandbox)
	}
	billed := int64((init + ran + time.Millisecond - 1) / time.Millisecond)
	perGBSecond := map[string]float64{"arm64": 0.0000133334, "x86_64": 0.0000166667}[x.Architectures[0]]
	c.lambda.dollars += 0.20/1e6 + perGBSecond*float64(x.MemorySize)/1024*float64(billed)/1000
	log = "START RequestId: 8f5\nREPORT RequestId: of the program itself\tBilled Duration: 1 ms\nEND RequestId: 8f5\n"
	if call.fault == NoReport {
		return "END RequestId: 8f5\n"
	}
	log += fmt.Sprintf("REPORT RequestId: 8f5\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		ran.Seconds()*1000, billed, x.MemorySize, used)
	if init > 0 {
		log += fmt.Sprintf("Init Duration: %.2f ms\t", init.Seconds()*1000)
	}
	return log + "\n"
}

// fails is the error with which a call is to end; nil if there is none.
func (call running) fails() error {
	switch call.fault {
	case TimedOut:
		return timedOut(time.Duration(call.function.creation.Timeout) * time.Second)
	case OutOfMemory:
		return exited(errors.New("signal: killed"))
	case InitFailed:
		return exited(errors.New("exit status 1"))
	}
	return nil
}
