//go:build !unix && !windows

package exhausted

var errnos [0]error
