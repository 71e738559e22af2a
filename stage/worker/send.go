package worker

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/serflow/serflow-go/internal/wire"
)

// The values of Content-Type.
var (
	plainJSON = []string{"application/json"}
	octets    = []string{"application/octet-stream"}
)

// send writes an answer.
func (s *server) send(rw http.ResponseWriter, answer []byte, headerLength int) {
	s.hurry(rw)
	h := rw.Header()
	h["Content-Type"] = plainJSON
	if headerLength >= 0 {
		h["Content-Type"] = octets
		h[wire.HeaderLength] = []string{strconv.Itoa(headerLength)}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(answer))}
	rw.Write(answer)
}

// hurry limits the time for an answer from now on. A server that cannot has no such limit.
func (s *server) hurry(rw http.ResponseWriter) {
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(s.limits.write))
}

// refuse answers with an error.
func (s *server) refuse(rw http.ResponseWriter, err error) {
	e := wireError(err)
	s.refuseAs(rw, e.Code.Status(), e)
}

func (s *server) refuseAs(rw http.ResponseWriter, status int, e *wire.Error) {
	s.hurry(rw)
	rw.Header()["Content-Type"] = plainJSON
	hangUp(rw, e)
	rw.WriteHeader(status)
	rw.Write(wire.EncodeError(nil, e))
}

// refuseInFrame answers with an error as it goes through carriers that know only bodies: to
// them it is an answer.
func (s *server) refuseInFrame(rw http.ResponseWriter, err error) {
	e := wireError(err)
	hangUp(rw, e)
	s.send(rw, wire.Pack(-1, wire.EncodeError(nil, e)), -1)
}

// hangUp has the answer sent now, without waiting for the rest of a body that nobody reads.
func hangUp(rw http.ResponseWriter, e *wire.Error) {
	if e.Code == wire.Unauthorized || e.Code == wire.TooLarge {
		rw.Header()["Connection"] = []string{"close"}
	}
}

func wireError(err error) *wire.Error {
	if e := new(wire.Error); errors.As(err, &e) {
		return e
	}
	return &wire.Error{Code: wire.Internal, Message: err.Error()}
}
