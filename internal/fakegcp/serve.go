package fakegcp

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
)

// instance is one of a revision.
type instance struct{ handler http.Handler }

// closeHandler ends what a container runs, if it says how.
func closeHandler(h http.Handler) {
	if c, ok := h.(io.Closer); ok {
		c.Close()
	}
}

// IdentityToken is the one that the cloud takes for an audience.
func IdentityToken(audience string) string { return "identity of a caller for " + audience }

// serve is what Cloud Run serves.
func (c *Cloud) serve(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimSuffix(r.Host, "-uc.a.run.app")
	c.mu.Lock()
	c.settle()
	fault := c.enter("run.routes.invoke")
	s := c.services[id]
	c.mu.Unlock()
	authorization := r.Header.Get("X-Serverless-Authorization")
	if authorization == "" {
		authorization = r.Header.Get("Authorization")
	}
	switch {
	case s == nil:
		page404(w)
		return
	case authorization != "Bearer "+IdentityToken("https://"+r.Host):
		html(w, http.StatusUnauthorized, "Your client does not have permission to the requested URL")
		return
	}
	r.Header.Del("X-Serverless-Authorization") // its signature does not come through
	switch fault {
	case Throttled:
		http.Error(w, "Rate exceeded.", http.StatusTooManyRequests)
	case Denied:
		html(w, http.StatusForbidden, "Your client does not have permission to get URL from this server.")
	case Unavailable:
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	case NoInstance:
		html(w, http.StatusInternalServerError, "The request was aborted because there was no available instance.")
	default:
		c.call(w, r, s, fault)
	}
}

func page404(w http.ResponseWriter) {
	html(w, http.StatusNotFound, "The requested URL was not found on this server.")
}

func html(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><head><title>%d</title></head><body>%s</body></html>", status, text)
}

// call has an instance answer, and bills it.
func (c *Cloud) call(w http.ResponseWriter, r *http.Request, s *service, fault Fault) {
	began := time.Now()
	rev, i, refused := c.take(s)
	if refused != "" {
		http.Error(w, refused, http.StatusTooManyRequests)
		return
	}
	if i == nil {
		time.Sleep(c.options.Init)
		handler, err := c.options.Container(rev.template)
		if err != nil {
			c.leave(rev, nil, 0)
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		i = &instance{handler}
	}
	answer := httptest.NewRecorder()
	switch fault {
	case TimedOut:
		time.Sleep(rev.template.Timeout.AsDuration())
		http.Error(answer, "upstream request timeout", http.StatusGatewayTimeout)
	case Crashed:
		closeHandler(i.handler)
		i = nil
		http.Error(answer, "Service Unavailable", http.StatusServiceUnavailable)
	default:
		i.handler.ServeHTTP(answer, r)
	}
	c.leave(rev, i, time.Since(began))
	if fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	result := answer.Result()
	for key, values := range result.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(result.StatusCode)
	io.Copy(w, result.Body)
}

// take is an idle instance of the revision that has the traffic, or leave to start one.
func (c *Cloud) take(s *service) (*revision, *instance, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := last(s.LatestReadyRevision)
	if len(s.Traffic) == 1 && s.Traffic[0].Revision != "" {
		name = s.Traffic[0].Revision
	}
	rev := s.revisions[name]
	switch {
	case rev == nil:
		return nil, nil, "The request was aborted because there was no available instance."
	case len(rev.idle) > 0:
		i := rev.idle[len(rev.idle)-1]
		rev.idle = rev.idle[:len(rev.idle)-1]
		return rev, i, ""
	case rev.running >= int(rev.template.Scaling.MaxInstanceCount):
		return nil, nil, "The request was aborted because there was no available instance."
	}
	rev.running++
	return rev, nil, ""
}

// leave bills a call, and keeps its instance if there is one still.
func (c *Cloud) leave(rev *revision, i *instance, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i != nil {
		rev.idle = append(rev.idle, i)
	} else {
		rev.running--
	}
	if took > 0 {
		c.dollars += bill(rev.template, took)
	}
}

// bill is by https://cloud.google.com/run/pricing, tier 1: 100 ms are the unit.
func bill(t *runpb.RevisionTemplate, took time.Duration) float64 {
	r := t.Containers[0].Resources
	cpu, _ := strconv.ParseFloat(r.Limits["cpu"], 64)
	mb, _ := strconv.ParseFloat(strings.TrimSuffix(r.Limits["memory"], "Mi"), 64)
	seconds := float64((took+100*time.Millisecond-1)/(100*time.Millisecond)) / 10
	if r.CpuIdle {
		return 0.40/1e6 + seconds*(cpu*0.000024+mb/1024*0.0000025)
	}
	return seconds * (cpu*0.000018 + mb/1024*0.000002)
}
