package aws

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// report is what Lambda says of a call at the end of its log, such as
//
//	REPORT RequestId: 8f5...	Duration: 102.25 ms	Billed Duration: 353 ms	Memory Size: 1769 MB	Max Memory Used: 71 MB	Init Duration: 250.30 ms
type report struct {
	billed, init time.Duration
	memory, used int // MB
}

var reported = regexp.MustCompile(`(Billed Duration|Init Duration|Memory Size|Max Memory Used): ([0-9.]+) (?:ms|MB)`)

// reportIn is the report of the last call in a log. What a program writes itself comes before
// it. Ok is false if there is none.
func reportIn(log string) (r report, ok bool) {
	i := strings.LastIndex(log, "REPORT RequestId: ")
	if i < 0 {
		return r, false
	}
	line, _, _ := strings.Cut(log[i:], "\n")
	for _, m := range reported.FindAllStringSubmatch(line, -1) {
		x, err := strconv.ParseFloat(m[2], 64)
		if err != nil || x > 1e9 {
			return report{}, false
		}
		switch m[1] {
		case "Billed Duration":
			r.billed, ok = time.Duration(x*float64(time.Millisecond)), true
		case "Init Duration":
			r.init = time.Duration(x * float64(time.Millisecond))
		case "Memory Size":
			r.memory = int(x)
		case "Max Memory Used":
			r.used = int(x)
		}
	}
	return r, ok
}

// cause is why a function failed, and what can be done about it.
func cause(payload []byte, r report, function string) (remedy, why string) {
	var e struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	if json.Unmarshal(payload, &e) != nil || e.Message == "" {
		e.Message = fmt.Sprintf("%.200s", payload)
	}
	why = strings.TrimPrefix(e.Type+": "+e.Message, ": ")
	switch {
	case e.Type == "Runtime.OutOfMemory" || r.memory > 0 && r.used >= r.memory:
		return "take an offer with more memory", fmt.Sprintf("it ran out of its %d MB of memory: %s", r.memory, why)
	case e.Type == "Sandbox.Timedout" || strings.Contains(e.Message, "Task timed out"):
		return "raise FunctionOptions.Timeout, or take an offer with more memory, and so more vCPUs", why
	case e.Type == "Function.ResponseSizeTooLarge":
		return "send fewer rows in a call, or activations as fp16", why
	}
	return "see its log, in the group /aws/lambda/" + function, why
}
