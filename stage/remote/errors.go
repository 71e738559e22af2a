package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/serflow/serflow-go/internal/exhausted"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// Why a server has not computed a request; test with errors.Is. A request that is at fault
// itself ends in stage.ErrInput, a stage that fails in stage.ErrFailed.
var (
	ErrRefused      = errors.New("it takes no more now")           // full, draining, or out of time
	ErrUnavailable  = errors.New("the server cannot be reached")   // or the connection broke
	ErrUnauthorized = errors.New("the credential is not taken")    // ours is not the fleet's
	ErrNotFound     = errors.New("the server has no such model")   // or none of what was asked for
	ErrFingerprint  = errors.New("the worker has another model")   // or another version of it
	ErrVersion      = errors.New("the peer speaks otherwise")      // another version of the wire
	ErrProtocol     = errors.New("the answer is not the protocol") // garbled, too long, or another request's
)

var sentinels = map[wire.Code]error{
	wire.Invalid:      stage.ErrInput,
	wire.TooLarge:     stage.ErrInput,
	wire.Full:         ErrRefused,
	wire.Draining:     ErrRefused,
	wire.Late:         ErrRefused,
	wire.Unauthorized: ErrUnauthorized,
	wire.NotFound:     ErrNotFound,
	wire.Fingerprint:  ErrFingerprint,
	wire.BadVersion:   ErrVersion,
	wire.StageFailed:  stage.ErrFailed,
	wire.Internal:     stage.ErrFailed,
}

// classify gives what a server has answered, or we have refused to send, its sentinel.
func classify(err error) error {
	e := new(wire.Error)
	if !errors.As(err, &e) {
		return err
	}
	sentinel, ok := sentinels[e.Code]
	if !ok {
		sentinel = ErrProtocol
	}
	said := strings.TrimPrefix(e.Message, sentinel.Error()+": ") // by a peer that has the same sentinels
	return fmt.Errorf("%w: %s", sentinel, said)
}

// answered is the error of an answer that is not a success.
func answered(status int, body []byte) error {
	e := wire.DecodeError(status, body)
	switch {
	case status < 400: // Go's client has followed nothing: see client
		return fmt.Errorf("%w: %s: a redirection is not followed, so that the credential goes nowhere else", ErrProtocol, e.Message)
	case e.Code == wire.Internal && (status == http.StatusBadGateway || status == http.StatusGatewayTimeout):
		return fmt.Errorf("%w: a gateway says: %s", ErrUnavailable, e.Message)
	}
	return classify(e)
}

func garbled(err error) error {
	if e := new(wire.Error); errors.As(err, &e) && e.Code == wire.BadVersion {
		return classify(e)
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}

// unreached is a failure of the connection, or the end of the context.
func (c *client) unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrProtocol) {
		return err
	}
	if exhausted.Is(err) {
		return fmt.Errorf("%w: this process has no files, ports or memory left for it: %s: %w", ErrUnavailable, c.name, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, c.name, err)
}
