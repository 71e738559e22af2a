package worker

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/serflow/serflow-go/internal/wire"
)

// buffers are the memory of a call: its request's body, and the answer's.
type buffers struct{ in, out []byte }

// mostKept is how large a buffer may be to be used again.
const mostKept = 4 << 20

// release keeps a call's buffers for another one.
func (s *server) release(b *buffers) {
	if cap(b.in) > mostKept {
		b.in = nil
	}
	if cap(b.out) > mostKept {
		b.out = nil
	}
	s.buffers.Put(b)
}

// receive reads the body of a call, which it counts among those in flight unless there is an
// error.
func (s *server) receive(r *http.Request) (b *buffers, err error) {
	select {
	case s.calls <- struct{}{}:
	default:
		return nil, fault(wire.Full, "%d calls are being served", s.limits.calls)
	}
	b = s.buffers.Get().(*buffers)
	if b.in, err = s.read(r, b.in[:0]); err != nil {
		<-s.calls
		s.release(b)
		return nil, err
	}
	return b, nil
}

// read reads a body into memory that is there, if it is enough.
func (s *server) read(r *http.Request, into []byte) ([]byte, error) {
	n, most := r.ContentLength, int64(s.limits.body)
	if encoding := r.Header["Content-Encoding"]; encoding != nil && encoding[0] != "identity" {
		return into, fault(wire.Invalid, "a body with Content-Encoding %.20q: send it as it is", encoding[0])
	}
	if n > most {
		return into, fault(wire.TooLarge, "a body of %d bytes: at most %d are taken; send fewer rows at once", n, most)
	}
	if n < 0 {
		return s.readUnknown(r, into)
	}
	if int64(cap(into)) < n {
		into = make([]byte, n)
	}
	into = into[:n]
	if _, err := io.ReadFull(r.Body, into); err != nil {
		return into, cutShort(err)
	}
	return into, nil
}

// readUnknown reads a body that comes in chunks, and so does not say how long it is.
func (s *server) readUnknown(r *http.Request, into []byte) ([]byte, error) {
	for {
		if len(into) == cap(into) {
			into = append(into, 0)[:len(into)]
		}
		n, err := r.Body.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		switch {
		case len(into) > s.limits.body:
			return into, fault(wire.TooLarge, "a body of more than %d bytes: send fewer rows at once", s.limits.body)
		case err == io.EOF:
			return into, nil
		case err != nil:
			return into, cutShort(err)
		}
	}
}

func cutShort(err error) error {
	if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
		return fault(wire.Invalid, "the body came too slowly")
	}
	return fault(wire.Invalid, "the body ends early: %v", err)
}
