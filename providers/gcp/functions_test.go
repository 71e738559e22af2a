package gcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/stage"
)

const (
	project  = "shop-1234"
	region   = "us-central1"
	image    = "us-central1-docker.pkg.dev/shop-1234/shop/worker:1"
	invoking = "run.routes.invoke"
	creating = "run.services.create"
	updating = "run.services.update"
)

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// capitals writes what it is sent in capitals, in 3.2 ms, after it has taken 250 ms to begin. It
// asks for the credential that it was told.
type capitals struct {
	credential string
	began      bool
}

func container(r *runpb.RevisionTemplate) (http.Handler, error) {
	c := r.Containers[0]
	if strings.Contains(c.Image, "broken") {
		return nil, errors.New("The user-provided container failed to start.")
	}
	start := c.Env[1].GetValue()
	_, after, _ := strings.Cut(start, `"credential":"`)
	credential, _, _ := strings.Cut(after, `"`)
	return &capitals{credential: credential}, nil
}

func (c *capitals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(3200 * time.Microsecond)
	body, _ := io.ReadAll(r.Body)
	if !c.began {
		c.began = true
		w.Header().Set(launch.InitHeader, strconv.Itoa(int(250*time.Millisecond)))
	}
	switch {
	case r.URL.Path != launch.InvokePath || r.Header.Get("Authorization") != "Bearer "+c.credential:
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	case string(body) == "fail":
		http.Error(w, "it was told to", http.StatusInternalServerError)
	default:
		w.Write(bytes.ToUpper(body))
	}
}

// newRun is a Google Cloud whose operations take three seconds.
func newRun() *fakegcp.Cloud {
	return fakegcp.New(fakegcp.Options{
		Project: project, Region: region, Page: 2, Container: container, Init: 250 * time.Millisecond, Deploying: 3 * time.Second,
	})
}

// functionOptions are to a cloud, until the end of the test.
func functionOptions(t *testing.T, cloud *fakegcp.Cloud) gcp.FunctionOptions {
	to, stop := cloud.Connect()
	t.Cleanup(stop)
	return gcp.FunctionOptions{
		Project: project, Region: region, Image: image, ServiceAccount: "worker@shop-1234.iam.gserviceaccount.com",
		Client: to, HTTP: cloud.Client(),
		Token: func(_ context.Context, audience string) (string, error) { return fakegcp.IdentityToken(audience), nil },
	}
}

func functionsOf(t *testing.T, cloud *fakegcp.Cloud, change ...func(*gcp.FunctionOptions)) *gcp.CloudRun {
	o := functionOptions(t, cloud)
	for _, f := range change {
		f(&o)
	}
	return gcp.Functions(o)
}

func specOf(t *testing.T, r *gcp.CloudRun) providers.FunctionSpec {
	t.Helper()
	offers, err := r.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return providers.FunctionSpec{Owner: "shop", Offer: offers[0], Stages: stage.Range{First: 1, Last: 2}, Setup: "secret"}
}

func ensured(t *testing.T, r *gcp.CloudRun, s providers.FunctionSpec) string {
	t.Helper()
	fn, err := r.Ensure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return fn.ID
}

func isError(t *testing.T, err, want error, says ...string) {
	t.Helper()
	var e *providers.Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Provider != "gcp" || e.Op == "" {
		t.Errorf("%v, want a *providers.Error with %v", err, want)
	}
	for _, part := range says {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%v: it does not say %q", err, part)
		}
	}
}

// conformingRun has the faults of Ensure at one of its calls.
func conformingRun(t *testing.T, cloud *fakegcp.Cloud, ensure string) providertest.Cloud {
	return providertest.Cloud{
		Functions: functionsOf(t, cloud), Setup: "the-secret-of-the-suite", FunctionArtifact: image,
		Body: []byte("abc"), Answer: []byte("ABC"), Failing: []byte("fail"),
		Spent:     func() (vms, functions float64) { return 0, cloud.FunctionDollars() },
		Successor: func(t *testing.T) providertest.Cloud { return conformingRun(t, cloud, ensure) },
		Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
			permission := map[providertest.Op]string{
				providertest.Ensure: ensure, providertest.ListFunctions: "run.services.list",
				providertest.Invoke: invoking, providertest.Remove: "run.services.delete",
			}[op]
			cloud.Fail(permission, fakegcp.Fault(f))
			return func() { cloud.Fail(permission) }, true
		},
	}
}

func TestConformanceOfCloudRun(t *testing.T) {
	for _, ensure := range []string{creating, "run.services.get", "run.operations.get"} {
		t.Run(ensure, func(t *testing.T) {
			providertest.RunInBubble(t, func(t *testing.T) providertest.Cloud { return conformingRun(t, newRun(), ensure) })
		})
	}
}
