// Package remote is the client of programs that compute stages elsewhere: of our workers,
// which take a request through several stages at once and evaluate its exits (Worker), and
// of any server of the Open Inference Protocol V2, which computes one stage a call and leaves
// the exit to the caller (Stage).
package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
)

// What a request and its reply are made of.
type (
	Request = wire.Request // rows that are to be taken through some stages
	Reply   = wire.Reply   // what became of them
	Part    = wire.Part    // rows that left at the same stage
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
}

// Dial returns a client of the worker at host:port, or at a URL. It connects when it is
// used.
func Dial(address string, o Options) *Worker {
	return &Worker{client: newClient(address, o.Credential, o.Transport), options: o}
}

// Run has a worker take the rows of a request through its stages. The outputs of the reply
// share memory with each other. Time left is that of the request, and of the context if
// that is less. The error wraps one of the sentinels of this package, stage.ErrInput or
// stage.ErrFailed, or is the context's.
func (w *Worker) Run(ctx context.Context, r Request) (Reply, error) {
	r.Fingerprint = w.options.Fingerprint
	body, headerLength, err := wire.EncodeRequest(nil, &r)
	if err != nil {
		return Reply{}, classify(err)
	}
	answer, headerLength, err := w.post(ctx, "/v2/models/"+w.options.Model+"/infer", body, headerLength)
	if err != nil {
		return Reply{}, err
	}
	reply, err := wire.DecodeReply(answer, headerLength, rowsOf(r), r.Stages, wire.Limits{})
	if err != nil {
		return Reply{}, garbled(err)
	}
	return reply, nil
}

// rowsOf is the first dimension of a request that has been encoded.
func rowsOf(r Request) int { return int(r.Inputs[0].Shape[0]) }

// Check tells whether the worker is ready to serve the model: nil if it is, and else
// ErrRefused if it is draining, ErrFingerprint, ErrVersion, ErrUnauthorized or ErrUnavailable.
// It is also a sign of life to the worker, without which it ends itself.
func (w *Worker) Check(ctx context.Context) error {
	if _, err := w.get(ctx, "/v2/health/ready"); err != nil {
		return err
	}
	m, err := w.metadata(ctx, w.options.Model)
	switch {
	case err != nil:
		return err
	case m.Parameters.Version == 0:
		return fmt.Errorf("%w: the server at %s does not serve ranges of stages: use remote.Stage", ErrVersion, w.base)
	case m.Parameters.Fingerprint != w.options.Fingerprint:
		return fmt.Errorf("%w: the worker at %s has model %.12s, not %.12s: deploy the same program", ErrFingerprint, w.base, m.Parameters.Fingerprint, w.options.Fingerprint)
	}
	return nil
}

// Drain asks the worker to take no more rows; those that it has are finished.
func (w *Worker) Drain(ctx context.Context) error {
	_, _, err := w.post(ctx, launch.DrainPath, nil, -1)
	return err
}

// Over is Worker.Run for carriers that know only bodies, as calls of cloud functions do:
// carry takes a body to a worker and returns its answer. Errors of carry are returned as they are.
func Over(ctx context.Context, r Request, carry func(context.Context, []byte) ([]byte, error)) (Reply, error) {
	body, headerLength, err := wire.EncodeRequest(nil, &r)
	if err != nil {
		return Reply{}, classify(err)
	}
	answer, err := carry(ctx, wire.Pack(headerLength, body))
	if err != nil {
		return Reply{}, err
	}
	headerLength, answer, err = wire.Unpack(answer)
	if err != nil {
		return Reply{}, garbled(err)
	}
	reply, refusal, err := wire.DecodeAnswer(answer, headerLength, rowsOf(r), r.Stages, wire.Limits{})
	switch {
	case err != nil:
		return Reply{}, garbled(err)
	case refusal != nil:
		return Reply{}, classify(refusal)
	}
	return reply, nil
}

// client is what talks HTTP to a server of the protocol.
type client struct {
	base       string
	credential string
	http       *http.Client
}

var shared = NewTransport()

// NewTransport returns a transport that keeps connections to workers: as many as have been
// used at once, for less time than workers keep them.
func NewTransport() *http.Transport {
	return &http.Transport{
		MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}
}

func newClient(address, credential string, t http.RoundTripper) client {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	if t == nil {
		t = shared
	}
	return client{base: strings.TrimSuffix(address, "/"), credential: credential, http: &http.Client{Transport: t, CheckRedirect: noRedirect}}
}

// noRedirect keeps the credential where it was sent.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// longest is the most bytes of an answer.
const longest = 64 << 20

func (c *client) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	body, _, err := c.do(r)
	return body, err
}

func (c *client) post(ctx context.Context, path string, body []byte, headerLength int) ([]byte, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(""))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	setBody(r, body)
	r.Header.Set("Content-Type", "application/json")
	if headerLength >= 0 {
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set(wire.HeaderLength, strconv.Itoa(headerLength))
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) (body []byte, headerLength int, err error) {
	r.Header["Idempotency-Key"] = nil // not sent: a connection that had just been closed is replaced by another
	if c.credential != "" {
		r.Header.Set("Authorization", "Bearer "+c.credential)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, 0, c.unreached(r, err)
	}
	defer resp.Body.Close()
	body, err = readAll(resp)
	if err != nil {
		return nil, 0, c.unreached(r, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, 0, classify(wire.DecodeError(resp.StatusCode, body))
	}
	headerLength, err = wire.ParseHeaderLength(resp.Header.Get(wire.HeaderLength))
	if err != nil {
		return nil, 0, garbled(err)
	}
	return body, headerLength, nil
}

// readAll reads an answer, which begins aligned for tensors.
func readAll(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	switch {
	case n > longest:
		return nil, fmt.Errorf("%w: an answer of %d bytes", ErrProtocol, n)
	case n >= 0:
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest+1))
	if err == nil && len(body) > longest {
		return nil, fmt.Errorf("%w: an answer of more than %d bytes", ErrProtocol, longest)
	}
	return body, err
}
