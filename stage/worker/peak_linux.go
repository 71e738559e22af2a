package worker

import (
	"bytes"
	"fmt"
	"os"
)

// peakMemory is the most bytes that this process has used; 0 if that is not known. Of a process that
// another has forked, getrusage would count the other's too.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(after[:min(len(after), 40)]), &kilobytes); err != nil {
		return 0
	}
	return kilobytes << 10
}
