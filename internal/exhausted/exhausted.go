// Package exhausted recognises errors that come of a resource which this process has used
// up: files, processes, memory or ports. They say nothing of whoever was to be reached.
package exhausted

import (
	"errors"
	"slices"
)

// Is tells whether something failed for want of files, processes, memory or ports of this
// process: it may succeed when others have ended. On systems that are not known it is false.
func Is(err error) bool {
	return slices.ContainsFunc(errnos[:], func(no error) bool { return errors.Is(err, no) })
}
