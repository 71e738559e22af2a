//go:build !unix

package worker

import "time"

var processBegun = time.Now()

// cpuTime is the time since the process began: where its processor time is not known, it is
// taken to have used all of one core.
func cpuTime() time.Duration { return time.Since(processBegun) }
