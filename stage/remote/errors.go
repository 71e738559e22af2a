package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// Why a server has not computed a request; test with errors.Is. A request that is at fault
// itself ends in stage.ErrInput, a stage that fails in stage.ErrFailed.
var (
	ErrRefused      = errors.New("it takes no more now")           // full, draining, or out of time
	ErrUnavailable  = errors.New("the server cannot be reached")   // or the connection broke
	ErrUnauthorized = errors.New("the credential is not taken")    // ours is not the fleet's
	ErrFingerprint  = errors.New("the worker has another model")   // or another version of it
	ErrVersion      = errors.New("the peer speaks otherwise")      // another version of the wire
	ErrProtocol     = errors.New("the answer is not the protocol") // garbled, or too long
)

// classify gives what a server has answered, or we have refused to send, its sentinel.
func classify(err error) error {
	e := new(wire.Error)
	if !errors.As(err, &e) {
		return err
	}
	sentinel := stage.ErrFailed
	switch e.Code {
	case wire.Invalid, wire.TooLarge:
		sentinel = stage.ErrInput
	case wire.Full, wire.Draining, wire.Late:
		sentinel = ErrRefused
	case wire.Unauthorized:
		sentinel = ErrUnauthorized
	case wire.Fingerprint:
		sentinel = ErrFingerprint
	case wire.BadVersion:
		sentinel = ErrVersion
	}
	return fmt.Errorf("%w: %s", sentinel, e.Message)
}

func garbled(err error) error { return fmt.Errorf("%w: %w", ErrProtocol, err) }

// unreached is a failure of the connection, or the end of the context.
func (c *client) unreached(r *http.Request, err error) error {
	if ctx := r.Context().Err(); ctx != nil {
		return ctx
	}
	if errors.Is(err, ErrProtocol) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, c.base, err)
}

// setBody gives a request a body that can be sent again.
func setBody(r *http.Request, body []byte) {
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
}
