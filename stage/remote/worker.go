// Package remote is the client of programs that compute stages elsewhere: of our workers,
// which take a request through several stages at once and evaluate its exits (Worker), and
// of any server of the Open Inference Protocol V2, which computes one stage a call and leaves
// the exit to the caller (Stage).
package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// What a request and its reply are made of.
type (
	Request = wire.Request // rows that are to be taken through some stages
	Reply   = wire.Reply   // what became of them
	Part    = wire.Part    // rows that left at the same stage
	Seen    = wire.Seen    // what an exit said that was asked beside
)

// Options are what a client of a worker needs beside its address.
type Options struct {
	Model       string            // its name
	Fingerprint string            // of the model; the worker must have the same
	Credential  string            // of the fleet
	Transport   http.RoundTripper // default: NewTransport's, shared by all clients without one
}

// Worker is the client of one worker. It is safe for concurrent use.
type Worker struct {
	client
	options Options
	infer   *url.URL
}

// Dial returns a client of the worker at host:port, or at a URL. It connects when it is
// used.
func Dial(address string, o Options) *Worker {
	w := &Worker{client: newClient(address, o.Credential, o.Transport), options: o}
	w.infer = w.url("v2", "models", o.Model, "infer")
	return w
}

// Run has a worker take the rows of a request through its stages. The fingerprint is that of
// the client's options, and an ID is made up if the request has none. The time left is that
// of the request, or of the context if that is less. The outputs of the reply share memory with
// each other.
//
// The error wraps one of the sentinels of this package, stage.ErrInput or stage.ErrFailed,
// or is the context's. A call that is sent again because its connection had just been
// closed may be computed twice; it is answered once.
func (w *Worker) Run(ctx context.Context, r Request) (Reply, error) {
	r.Fingerprint = w.options.Fingerprint
	body, headerLength, err := encode(ctx, &r)
	if err == nil {
		err = fits(body)
	}
	if err != nil {
		return Reply{}, err
	}
	answer, headerLength, err := w.post(ctx, w.infer, body, headerLength)
	if err != nil {
		return Reply{}, err
	}
	reply, err := wire.DecodeReply(answer, headerLength, r.Rows(), r.Stages, wire.Limits{})
	if err != nil {
		return Reply{}, garbled(err)
	}
	return reply, own(&r, &reply)
}

// Over is Worker.Run for carriers that know only bodies, as calls of cloud functions do:
// carry takes a body to a worker and returns its answer. Errors of carry are returned as
// they are. The request brings its fingerprint itself.
func Over(ctx context.Context, r Request, carry func(context.Context, []byte) ([]byte, error)) (Reply, error) {
	body, headerLength, err := encode(ctx, &r)
	if err != nil {
		return Reply{}, err
	}
	frame := wire.Pack(headerLength, body)
	if err := fits(frame); err != nil {
		return Reply{}, err
	}
	answer, err := carry(ctx, frame)
	if err != nil {
		return Reply{}, err
	}
	headerLength, answer, err = wire.Unpack(answer)
	if err != nil {
		return Reply{}, garbled(err)
	}
	reply, refusal, err := wire.DecodeAnswer(answer, headerLength, r.Rows(), r.Stages, wire.Limits{})
	switch {
	case err != nil:
		return Reply{}, garbled(err)
	case refusal != nil:
		return Reply{}, classify(refusal)
	}
	return reply, own(&r, &reply)
}

// encode completes a request and makes its message.
func encode(ctx context.Context, r *Request) (body []byte, headerLength int, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := max(time.Until(deadline), 1) // 0 would be no deadline at all
		if r.Remaining == 0 || left < r.Remaining {
			r.Remaining = left
		}
	}
	if r.ID == "" {
		r.ID = strconv.FormatUint(rand.Uint64(), 36)
	}
	body, headerLength, err = wire.EncodeRequest(nil, r)
	if err != nil {
		return nil, 0, classify(err)
	}
	return body, headerLength, nil
}

// fits refuses what every worker would refuse.
func fits(body []byte) error {
	if len(body) <= wire.LongestBody {
		return nil
	}
	return fmt.Errorf("%w: a request of %d bytes: a worker takes at most %d; send fewer rows at once", stage.ErrInput, len(body), wire.LongestBody)
}

// own tells whether a reply is to the request: a server that answers one call twice makes
// the second answer that of the next call on the connection.
func own(r *Request, reply *Reply) error {
	if reply.ID == r.ID {
		return nil
	}
	*reply = Reply{}
	return fmt.Errorf("%w: it is of another request than the one that was sent", ErrProtocol)
}

// Check tells whether the worker is ready to serve the model: nil if it is, and else
// ErrRefused if it is draining, stage.ErrFailed if one of its stages has not returned for too
// long, ErrNotFound or ErrFingerprint if it has another model, ErrVersion, ErrUnauthorized,
// ErrUnavailable or ErrProtocol.
// It is also a sign of life to the worker, without which it ends itself.
func (w *Worker) Check(ctx context.Context) error {
	if _, err := w.get(ctx, "v2", "health", "ready"); err != nil {
		return err
	}
	m, err := w.metadata(ctx, w.options.Model)
	switch {
	case err != nil:
		return err
	case m.Parameters.Version == 0:
		return fmt.Errorf("%w: the server at %s does not serve ranges of stages: use remote.Stage", ErrVersion, w.name)
	case m.Parameters.Fingerprint != w.options.Fingerprint:
		return fmt.Errorf("%w: the worker at %s has model %.12s, not %.12s: deploy the same program", ErrFingerprint, w.name, m.Parameters.Fingerprint, w.options.Fingerprint)
	}
	return nil
}

// Peak is the most memory that the worker's process has used, in bytes; 0 if it does not know. Its
// errors are those of Check.
func (w *Worker) Peak(ctx context.Context) (int64, error) {
	m, err := w.metadata(ctx, w.options.Model)
	return m.Parameters.Peak, err
}

// Drain asks the worker to take no more rows; those that it has are finished. It returns
// when the worker has heard of it.
func (w *Worker) Drain(ctx context.Context) error {
	_, _, err := w.post(ctx, w.url(strings.Split(launch.DrainPath[1:], "/")...), nil, -1)
	return err
}

// SetUp has the worker go by another setup, the JSON object of package worker's documentation: it then serves
// other stages of the model, without having been started again. The error wraps stage.ErrInput if the worker
// cannot go by it, ErrNotFound if it is of a version that never can, or is another of those of Check; after any
// but the first two it may go by the setup all the same. To ask again harms nothing.
func (w *Worker) SetUp(ctx context.Context, setup string) error {
	_, _, err := w.post(ctx, w.url(strings.Split(launch.SetupPath[1:], "/")...), []byte(setup), -1)
	return err
}
