package worker

import (
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
)

// What a worker's server allows its callers.
const (
	maxBody     = 64 << 20 // bytes
	maxHeader   = 16 << 10
	maxCalls    = 1024 // at once
	readTimeout = 30 * time.Second
	// writeTimeout is for the answer alone, so that a slow reader holds no memory for long.
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute // longer than clients keep a connection
)

// server is a worker behind HTTP.
type server struct {
	*Worker
	credential string
	calls      chan struct{} // one for each call in flight
	contact    atomic.Int64  // when its owner was last heard of, since the worker began
	buffers    sync.Pool     // of *[]byte
}

func newServer(w *Worker, credential string) *server {
	return &server{Worker: w, credential: credential, calls: make(chan struct{}, maxCalls)}
}

func (s *server) http() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/live", func(http.ResponseWriter, *http.Request) {})
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /v2/health/ready":                             s.ready,
		"GET /v2":                                          s.describeServer,
		"GET /v2/models/{model}":                           s.describeModel,
		"GET /v2/models/{model}/ready":                     s.ready,
		"POST /v2/models/{model}/infer":                    s.infer,
		"GET /v2/models/{model}/versions/{version}":        s.describeModel,
		"GET /v2/models/{model}/versions/{version}/ready":  s.ready,
		"POST /v2/models/{model}/versions/{version}/infer": s.infer,
		"POST " + launch.InvokePath:                        s.invoke,
		"POST " + launch.DrainPath:                         s.drainNow,
	} {
		mux.HandleFunc(pattern, s.admit(handle))
	}
	return &http.Server{Handler: mux, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}
}

// admit lets the owner's calls through, to the model that is here.
func (s *server) admit(handle http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(shown), []byte(s.credential)) != 1 {
			s.refuse(rw, fault(wire.Unauthorized, "no credential of this worker's fleet: send it as Authorization: Bearer"))
			return
		}
		s.contact.Store(int64(s.now()))
		if m := r.PathValue("model"); m != "" && m != s.stages.Model.Name {
			s.refuse(rw, fault(notFound, "no model %q: this worker has %q", m, s.stages.Model.Name))
			return
		}
		if v := r.PathValue("version"); v != "" && v != version {
			s.refuse(rw, fault(notFound, "no version %q of the model: this worker has %s", v, version))
			return
		}
		handle(rw, r)
	}
}

// refuse answers with an error.
func (s *server) refuse(rw http.ResponseWriter, err error) {
	e := wireError(err)
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(e.Code.Status())
	rw.Write(wire.EncodeError(nil, e))
}

func wireError(err error) *wire.Error {
	if e := new(wire.Error); errors.As(err, &e) {
		return e
	}
	return &wire.Error{Code: wire.Internal, Message: err.Error()}
}

func (s *server) infer(rw http.ResponseWriter, r *http.Request) {
	headerLength, err := wire.ParseHeaderLength(r.Header.Get(wire.HeaderLength))
	if err != nil {
		s.refuse(rw, err)
		return
	}
	s.call(rw, r, func(body, out []byte) ([]byte, int, error) {
		return s.inferBody(r, body, headerLength, out)
	})
}

// inferBody answers the body of a request. Out is memory for the answer.
func (s *server) inferBody(r *http.Request, body []byte, headerLength int, out []byte) ([]byte, int, error) {
	req, err := wire.DecodeRequest(body, headerLength, wire.Limits{})
	if err != nil {
		return nil, 0, err
	}
	c, err := s.answer(r.Context(), &req)
	if err != nil {
		return nil, 0, err
	}
	if req.Plain {
		outputs, err := s.plainReply(c, req.Outputs)
		if err != nil {
			return nil, 0, err
		}
		return wire.EncodePlainReply(out, req.ID, s.stages.Model.Name, outputs, req.BinaryOutput)
	}
	reply, err := s.reply(c)
	if err != nil {
		return nil, 0, err
	}
	reply.ID = req.ID
	return wire.EncodeReply(out, reply)
}

// invoke is infer for carriers that know neither headers nor a status: both are in a frame.
func (s *server) invoke(rw http.ResponseWriter, r *http.Request) {
	s.call(rw, r, func(frame, out []byte) ([]byte, int, error) {
		n, body, err := wire.Unpack(frame)
		if err == nil {
			out, n, err = s.inferBody(r, body, n, out)
		}
		if err != nil {
			out, n = wire.EncodeError(nil, wireError(err)), -1
		}
		return wire.Pack(n, out), -1, nil
	})
}

// call reads a body, has it answered and writes the answer.
func (s *server) call(rw http.ResponseWriter, r *http.Request, answer func(body, out []byte) ([]byte, int, error)) {
	select {
	case s.calls <- struct{}{}:
		defer func() { <-s.calls }()
	default:
		s.refuse(rw, fault(wire.Full, "%d calls are being served", maxCalls))
		return
	}
	in, out := s.buffer(), s.buffer()
	body, err := s.read(rw, r, *in)
	if err != nil {
		s.refuse(rw, err)
		return
	}
	answered, headerLength, err := answer(body, *out)
	if err != nil {
		s.refuse(rw, err) // a batch that nobody waits for may still read the body: it is not used again
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	if headerLength >= 0 {
		h.Set("Content-Type", "application/octet-stream")
		h.Set(wire.HeaderLength, strconv.Itoa(headerLength))
	}
	h.Set("Content-Length", strconv.Itoa(len(answered)))
	// A server that cannot set it has set none: the answer is written all the same.
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(writeTimeout))
	rw.Write(answered)
	*in, *out = body[:0], answered[:0]
	s.buffers.Put(in)
	s.buffers.Put(out)
}

func (s *server) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// read reads a body into memory that is there, if it is enough.
func (s *server) read(rw http.ResponseWriter, r *http.Request, into []byte) ([]byte, error) {
	n := r.ContentLength
	if n < 0 {
		return nil, fault(wire.Invalid, "a body of unknown length: send Content-Length")
	}
	if n > maxBody {
		return nil, fault(wire.TooLarge, "a body of %d bytes: at most %d are taken", n, maxBody)
	}
	if int64(cap(into)) < n {
		into = make([]byte, n)
	}
	into = into[:n]
	if _, err := io.ReadFull(r.Body, into); err != nil {
		return nil, fault(wire.Invalid, "the body ends early: %v", err)
	}
	return into, nil
}

func (s *server) ready(rw http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	draining := s.draining || s.closed
	s.mu.Unlock()
	if draining {
		s.refuse(rw, fault(wire.Draining, "the worker is draining"))
	}
}

func (s *server) drainNow(http.ResponseWriter, *http.Request) { s.drain() }
