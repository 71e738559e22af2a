package providers

import (
	"errors"
	"slices"
)

// What a provider can answer instead; test with errors.Is.
var (
	ErrInsufficientCapacity = errors.New("insufficient capacity")  // the provider has no such VM now
	ErrThrottled            = errors.New("throttled")              // too many calls; nothing has been done
	ErrLimit                = errors.New("limit reached")          // the account's quota, or a limit of ours
	ErrNotFound             = errors.New("not found")              // no such offer or function
	ErrInvalid              = errors.New("invalid request")        // it can never succeed as it is
	ErrUnavailable          = errors.New("provider not available") // whether anything has been done is not known
	ErrFunction             = errors.New("function failed")        // it ran, and ended in an error of its own
)

// Refused tells whether an error means that nothing has been done, and nothing will
// come of the request later. It is false for nil.
func Refused(err error) bool {
	return slices.ContainsFunc(
		[]error{ErrInsufficientCapacity, ErrThrottled, ErrLimit, ErrNotFound, ErrInvalid},
		func(sentinel error) bool { return errors.Is(err, sentinel) })
}

// Error says what was being done at which provider, why it failed and what to do about
// it.
type Error struct {
	Provider string // such as "mock"
	Op       string // what was being done, such as "launch"
	Remedy   string // what the reader can do; may be empty
	Err      error  // the cause, wrapping one of the sentinels or the context's error
}

func (e *Error) Error() string {
	s := e.Provider + ": " + e.Op + ": " + e.Err.Error()
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }
