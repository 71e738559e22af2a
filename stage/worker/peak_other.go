//go:build !linux

package worker

// peakMemory is the most bytes that this process has used; 0 if that is not known, as here.
func peakMemory() int64 { return 0 }
