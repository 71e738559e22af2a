package worker

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/internal/wire"
)

// limits are what a worker's server allows its callers.
type limits struct {
	body, head int // bytes of a body, ours or theirs, and of an HTTP header
	calls      int // of inference at once
	header     time.Duration
	read       time.Duration // for a whole request
	write      time.Duration // for an answer, so that a slow reader holds no memory for long
	idle       time.Duration // longer than clients keep a connection
}

var standard = limits{
	body: wire.LongestBody, head: 16 << 10, calls: 1024,
	header: 10 * time.Second, read: 30 * time.Second, write: 30 * time.Second, idle: 2 * time.Minute,
}

// server is a worker behind HTTP.
type server struct {
	*worker
	limits     limits
	credential string
	routes     map[string]route // by path
	calls      chan struct{}    // one for each call in flight
	contact    atomic.Int64     // when its owner was last heard of, since the worker began
	invoked    atomic.Bool      // at launch.InvokePath, ever
	buffers    sync.Pool        // of *buffers
}

func newServer(w *worker, credential string, l limits) *server {
	s := &server{worker: w, limits: l, credential: credential, calls: make(chan struct{}, l.calls)}
	s.buffers.New = func() any { return new(buffers) }
	s.routes = s.routeAll()
	return s
}

func (s *server) http() *http.Server {
	return &http.Server{
		Handler: s, MaxHeaderBytes: s.limits.head,
		ReadHeaderTimeout: s.limits.header, ReadTimeout: s.limits.read, IdleTimeout: s.limits.idle,
		BaseContext: func(net.Listener) context.Context { return s.ctx }, // a worker that closes ends its calls
	}
}
