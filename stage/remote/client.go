package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/wire"
)

// client is what talks HTTP to a server of the protocol. It uses a transport directly: an
// http.Client would follow redirections, and show the credential there.
type client struct {
	base       *url.URL
	invalid    error  // why the base is none
	name       string // of the server, for messages
	credential string
	transport  http.RoundTripper
}

var shared = NewTransport()

// NewTransport returns a transport that keeps connections to workers: as many as have been
// used at once, for less time than workers keep them. It uses no proxy, and HTTP/1.1.
func NewTransport() *http.Transport {
	dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
		ReadBufferSize: 64 << 10, WriteBufferSize: 72 << 10, // an activation of 64 KiB leaves with its header in one write
	}
}

func newClient(address, credential string, t http.RoundTripper) client {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	if t == nil {
		t = shared
	}
	base, err := url.Parse(address)
	if err != nil {
		return client{base: &url.URL{}, invalid: err}
	}
	return client{base: base, name: base.Redacted(), credential: credential, transport: t}
}

// url is where a path is on the server. Its elements may hold any characters.
func (c *client) url(elements ...string) *url.URL {
	u := *c.base
	u.RawQuery, u.Fragment = "", ""
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + strings.Join(elements, "/")
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	u.RawPath = strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + strings.Join(elements, "/")
	return &u
}

func (c *client) get(ctx context.Context, elements ...string) ([]byte, error) {
	body, _, err := c.do((&http.Request{Method: http.MethodGet, URL: c.url(elements...), Header: http.Header{}}).WithContext(ctx))
	return body, err
}

// The values of Content-Type.
var (
	plainJSON = []string{"application/json"}
	binary    = []string{"application/octet-stream"}
)

// post sends a message, whose header is of that length, or -1 for JSON alone.
func (c *client) post(ctx context.Context, u *url.URL, body []byte, headerLength int) ([]byte, int, error) {
	r := (&http.Request{
		Method: http.MethodPost, URL: u, ContentLength: int64(len(body)),
		Header: http.Header{
			"Content-Type":    plainJSON,
			"Idempotency-Key": nil, // not sent, but a call whose connection had just been closed is made again
		},
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	r.Body, _ = r.GetBody()
	if headerLength >= 0 {
		r.Header["Content-Type"] = binary
		r.Header[wire.HeaderLength] = []string{strconv.Itoa(headerLength)}
	}
	return c.do(r)
}

// do makes a call. Its error wraps a sentinel, or is the context's.
func (c *client) do(r *http.Request) (body []byte, headerLength int, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, 0, err
	}
	if c.invalid != nil {
		return nil, 0, fmt.Errorf("%w: no address: %w", ErrUnavailable, c.invalid)
	}
	if c.credential != "" {
		r.Header["Authorization"] = []string{"Bearer " + c.credential}
	}
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, 0, c.unreached(r.Context(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, longestError)) // what there is of it has to do
		return nil, 0, answered(resp.StatusCode, body)
	}
	if body, err = readAll(resp); err != nil {
		return nil, 0, c.unreached(r.Context(), err)
	}
	if headerLength, err = wire.ParseHeaderLength(resp.Header.Get(wire.HeaderLength)); err != nil {
		return nil, 0, garbled(err)
	}
	return body, headerLength, nil
}

// longestError is the most bytes of an answer that is an error.
const longestError = 64 << 10

// readAll reads an answer, which begins aligned for tensors.
func readAll(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	switch {
	case n > wire.LongestBody:
		return nil, fmt.Errorf("%w: an answer of %d bytes; at most %d are read", ErrProtocol, n, wire.LongestBody)
	case n >= 0:
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, wire.LongestBody+1))
	if err == nil && len(body) > wire.LongestBody {
		return nil, fmt.Errorf("%w: an answer of more than %d bytes", ErrProtocol, wire.LongestBody)
	}
	return body, err
}
