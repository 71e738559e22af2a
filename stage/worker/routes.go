package worker

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
)

// version is the one version of the model that a worker has.
const version = "1"

// route is what answers at a path.
type route struct {
	method string // GET stands for HEAD too
	handle http.HandlerFunc
}

// live is the one path that asks for no credential: it tells nothing.
const live = "/v2/health/live"

// routeAll lists all paths there are: the worker has one model, of one version.
func (s *server) routeAll() map[string]route {
	all := map[string]route{
		live:               {http.MethodGet, func(rw http.ResponseWriter, _ *http.Request) { s.hurry(rw) }},
		"/v2/health/ready": {http.MethodGet, s.ready},
		"/v2":              {http.MethodGet, s.document(describeServer)},
		launch.InvokePath:  {http.MethodPost, s.invoke},
		launch.DrainPath:   {http.MethodPost, s.drainNow},
		launch.SetupPath:   {http.MethodPost, s.setNow},
	}
	model := "/v2/models/" + s.stages.Model.Name
	for _, path := range []string{model, model + "/versions/" + version} {
		all[path] = route{http.MethodGet, s.document(s.describeModel)}
		all[path+"/ready"] = route{http.MethodGet, s.ready}
		all[path+"/infer"] = route{http.MethodPost, s.infer}
	}
	return all
}

// ServeHTTP lets the owner's calls through.
func (s *server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != live {
		if !s.owns(r) {
			rw.Header().Set("WWW-Authenticate", "Bearer")
			s.refuse(rw, fault(wire.Unauthorized, "no credential of this worker's fleet: send it as Authorization: Bearer"))
			return
		}
		s.contact.Store(int64(s.now()))
	}
	to, ok := s.routes[r.URL.Path]
	switch {
	case !ok:
		s.refuse(rw, fault(wire.NotFound, "nothing at %.200q: this worker has model %q, version %s", r.URL.Path, s.stages.Model.Name, version))
	case to.method != r.Method && !(to.method == http.MethodGet && r.Method == http.MethodHead):
		rw.Header().Set("Allow", to.method)
		s.refuseAs(rw, http.StatusMethodNotAllowed, &wire.Error{Code: wire.Invalid, Message: "use " + to.method})
	default:
		to.handle(rw, r)
	}
}

// owns tells whether a call shows the fleet's credential.
func (s *server) owns(r *http.Request) bool {
	const scheme = "bearer "
	shown := r.Header.Get("Authorization")
	if len(shown) < len(scheme) || !strings.EqualFold(shown[:len(scheme)], scheme) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(shown[len(scheme):]), []byte(s.credential)) == 1
}

// document answers with what somebody writes.
func (s *server) document(write func() []byte) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		s.hurry(rw)
		rw.Header()["Content-Type"] = plainJSON
		rw.Write(write())
	}
}

func (s *server) ready(rw http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	draining := s.draining || s.closed
	s.mu.Unlock()
	if draining {
		s.refuse(rw, fault(wire.Draining, "the worker is draining"))
		return
	}
	if err := s.stuck(); err != nil {
		s.refuse(rw, err)
		return
	}
	s.hurry(rw)
}

func (s *server) drainNow(rw http.ResponseWriter, _ *http.Request) {
	s.drain()
	s.hurry(rw)
}

// setNow answers a setup, whose times come in no more bytes than at a launch.
func (s *server) setNow(rw http.ResponseWriter, r *http.Request) {
	var setup launch.Setup
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, longestStart))
	if err == nil {
		err = json.Unmarshal(body, &setup)
	}
	if err == nil {
		err = s.set(setup)
	}
	if err != nil {
		s.refuse(rw, fault(wire.Invalid, "the setup: %v", err))
		return
	}
	s.hurry(rw)
}
