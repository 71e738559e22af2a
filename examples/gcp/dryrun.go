package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/stage/worker"
)

// dryRun plans, and does all that -serve and -teardown do to a fake of Google Cloud, whose VMs never
// boot. It is the one part that your copy of this program cannot have: it imports a package of
// Serflow's own.
func (s settings) dryRun(ctx context.Context, out io.Writer) error {
	s.settle = time.Millisecond
	ask, err := s.ask()
	if err != nil {
		return err
	}
	var p planner.Planner
	result, err := p.Plan(ask)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The plan for %g requests a second, prices of us-central1 of %s:\n\n%s", s.rate, gcp.Priced, result.Explain())
	cloud := s.fake()
	defer cloud.Close()
	calls := &recorder{cloud: cloud, out: out}
	to, stop := cloud.Connect(grpc.WithUnaryInterceptor(calls.intercept))
	defer stop()
	there := &http.Client{Transport: calls}
	s.reached = reached{
		vms: []option.ClientOption{option.WithHTTPClient(there)}, functions: to, services: there,
		token: func(_ context.Context, audience string) (string, error) { return fakegcp.IdentityToken(audience), nil },
	}
	fmt.Fprint(out, "\nThe calls to Google Cloud, as they would be made; what is only asked again is left out.\n\nServe:\n\n")
	if err := s.rehearse(ctx, len(result.Plan.VMs) > 0, calls); err != nil {
		return err
	}
	fmt.Fprint(out, "\nTear down:\n\n")
	calls.again()
	return s.end(ctx, io.Discard)
}

// rehearse opens, and waits until VMs have been asked for, if they are of the plan.
func (s settings) rehearse(ctx context.Context, vms bool, calls *recorder) (err error) {
	pipeline, err := s.open(ctx, s.vms(), s.functions(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pipeline.Close()) }()
	for vms && calls.cloud.Calls()["compute.instances.get"] == 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// fake is a Google Cloud with what the settings name, and the model in its containers.
func (s settings) fake() *fakegcp.Cloud {
	o := fakegcp.Options{
		Project: s.project, Region: s.region(), Zones: s.zones, Images: []string{boots}, Types: map[string]float64{}, Container: contain,
		Silent: true, // so that nobody is called in their place
	}
	for _, t := range s.offer().Types {
		o.Types[t.Name] = t.PerHour
		o.Types[t.Name+" spot"] = t.PerHour
	}
	return fakegcp.New(o)
}

// container is the worker behind a function.
type container struct{ *worker.Function }

func contain(r *runpb.RevisionTemplate) (http.Handler, error) {
	for _, v := range r.Containers[0].Env {
		if v.Name == "SERFLOW_START" {
			f, err := worker.OpenFunction(context.Background(), shouting.Model, v.GetValue(), 1<<20)
			return container{f}, err
		}
	}
	return nil, errors.New("it is told nothing")
}

func (c container) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Write(c.Answer(r.Context(), body))
}

// recorder prints calls.
type recorder struct {
	cloud *fakegcp.Cloud
	out   io.Writer
	mu    sync.Mutex
	said  map[string]bool
}

// again forgets what has been printed.
func (r *recorder) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = nil
}

func (r *recorder) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said == nil {
		r.said = map[string]bool{}
	}
	if !r.said[text] {
		r.said[text] = true
		fmt.Fprintln(r.out, text)
	}
}

// intercept prints a call by gRPC.
func (r *recorder) intercept(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	text := "gRPC " + method[1:]
	if m, ok := request.(proto.Message); ok {
		b, err := protojson.Marshal(m)
		if err != nil {
			return err
		}
		text += readable(b)
	}
	r.say(text)
	return invoke(ctx, method, request, reply, cc, opts...)
}

// RoundTrip prints a call by HTTP.
func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	text := q.Method + " " + q.URL.String()
	if q.Body != nil {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return nil, err
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasPrefix(q.URL.Path, "/compute/") {
			text += readable(body)
		} else {
			text += "\n  a request for the model, binary"
		}
	}
	r.say(text)
	return r.cloud.Client().Transport.RoundTrip(q)
}

// readable is JSON as people read it, the lines of a script each by itself.
func readable(body []byte) string {
	var fields any
	if len(body) == 0 || json.Unmarshal(body, &fields) != nil {
		return ""
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	if err := e.Encode(fields); err != nil {
		return ""
	}
	return "\n  " + strings.ReplaceAll(strings.TrimSpace(text.String()), `\n`, "\n        ")
}
