package gcp_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// A service is private to who may invoke it, labelled, sized, and ready only when its worker is.
func TestWhatIsAskedOfCloudRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		warm := gcp.SizeOf(2, 4096, gcp.ByRequest).Warm(3)
		warm.Max, warm.Calls = 20, 4
		whole := gcp.SizeOf(1, 2048, gcp.ByInstance)
		r := functionsOf(t, cloud, func(o *gcp.FunctionOptions) { o.Sold, o.Timeout = []gcp.Size{warm, whole}, 30*time.Second })
		s := specOf(t, r)
		s.Setup = `{"credential":"secret"}`
		got := cloud.Service(ensured(t, r, s))
		c, tmpl := got.Template.Containers[0], got.Template
		if got.Labels["serflow-owner"] != "shop" || tmpl.Labels["serflow-owner"] != "shop" || got.InvokerIamDisabled {
			t.Errorf("labels %v and %v", got.Labels, tmpl.Labels)
		}
		if got.Scaling.MinInstanceCount != 3 || tmpl.Scaling.MinInstanceCount != 0 || tmpl.Scaling.MaxInstanceCount != 20 || tmpl.MaxInstanceRequestConcurrency != 4 || tmpl.Timeout.AsDuration() != 30*time.Second {
			t.Errorf("%v, %v", got.Scaling, tmpl)
		}
		if c.Image != image || c.Resources.Limits["cpu"] != "2" || c.Resources.Limits["memory"] != "4096Mi" || !c.Resources.CpuIdle || c.StartupProbe.GetHttpGet().GetPath() != "/v2/health/live" {
			t.Errorf("%v", c)
		}
		if c.Env[0].GetValue() != "environment" || c.Env[1].GetValue() != `{"kind":"function","listen":"0.0.0.0:8080","setup":"{\"credential\":\"secret\"}","credential":"`+strings.TrimPrefix(got.Name, "projects/shop-1234/locations/us-central1/services/")+`","pace":1}` {
			t.Errorf("%v", c.Env)
		}
		for key, value := range got.Annotations {
			if strings.Contains(value, "secret") {
				t.Errorf("%s is %q", key, value)
			}
		}
		s.Offer = whole.Offer
		if c := cloud.Service(ensured(t, r, s)).Template.Containers[0]; c.Resources.CpuIdle {
			t.Error("by instance, and without CPU between calls")
		}
	})
}

// What can never succeed says so, before anything is called.
func TestWhatCannotBeAFunction(t *testing.T) {
	for what, c := range map[string]struct {
		options func(*gcp.FunctionOptions)
		spec    func(*providers.FunctionSpec)
		says    string
	}{
		"no project":           {options: func(o *gcp.FunctionOptions) { o.Project = "" }, says: "FunctionOptions.Project"},
		"no region":            {options: func(o *gcp.FunctionOptions) { o.Region = "us" }, says: "FunctionOptions.Region"},
		"no image":             {options: func(o *gcp.FunctionOptions) { o.Image = "" }, says: "FunctionOptions.Image"},
		"no image at all":      {spec: func(s *providers.FunctionSpec) { s.Artifact = "s3://bucket/worker.zip" }, says: "container image"},
		"half a second":        {options: func(o *gcp.FunctionOptions) { o.Timeout = time.Second / 2 }, says: "whole seconds"},
		"two of one name":      {options: func(o *gcp.FunctionOptions) { o.Sold = append(o.Sold, o.Sold[0]) }, says: "one name"},
		"three vCPUs":          {options: func(o *gcp.FunctionOptions) { o.Sold[0].CPU = 3 }, says: "1, 2, 4, 6 or 8"},
		"too much memory":      {options: func(o *gcp.FunctionOptions) { o.Sold[0].Offer.MemoryMB = 8192 }, says: "512 to 4096"},
		"warm for nothing":     {options: func(o *gcp.FunctionOptions) { o.Sold[0].Min = 1 }, says: "Size.Warm"},
		"more least than most": {options: func(o *gcp.FunctionOptions) { o.Sold[0].Min, o.Sold[0].Max = 3, 2 }, says: "at least than at most"},
		"arm64":                {options: func(o *gcp.FunctionOptions) { o.Sold[0].Offer.Arch = "arm64" }, says: "amd64 alone"},
		"a long setup":         {spec: func(s *providers.FunctionSpec) { s.Setup = strings.Repeat("x", 40000) }, says: "more than a variable holds"},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newRun()
				o := functionOptions(t, cloud)
				o.Sold = gcp.Sizes()
				s := specOf(t, gcp.Functions(o))
				if c.options != nil {
					c.options(&o)
				}
				if c.spec != nil {
					c.spec(&s)
				}
				_, err := gcp.Functions(o).Ensure(t.Context(), s)
				isError(t, err, providers.ErrInvalid, c.says)
				if len(cloud.Calls()) != 0 {
					t.Errorf("called: %v", cloud.Calls())
				}
			})
		})
	}
}

// revisions is what a service's calls go to, and what was made last.
func revisions(s *runpb.Service) (serving, newest string) {
	base := func(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
	serving = base(s.LatestReadyRevision)
	if len(s.Traffic) == 1 && s.Traffic[0].Revision != "" {
		serving = s.Traffic[0].Revision
	}
	return serving, base(s.LatestCreatedRevision)
}

// When the image changes, calls go to the old revision until the new one is ready, and then all of
// them to it. One that never is gets none; when it has been mended, it is tried again.
func TestTrafficMovesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		o := functionOptions(t, cloud)
		s := specOf(t, gcp.Functions(o))
		id := ensured(t, gcp.Functions(o), s)
		first, _ := revisions(cloud.Service(id))

		var seen []string
		o.Image = strings.Replace(image, ":1", ":2", 1)
		o.Progress = func(service, says string) {
			serving, _ := revisions(cloud.Service(id))
			seen = append(seen, serving)
			if service != id || says != "Deploying revision." {
				t.Errorf("%s says %q", service, says)
			}
		}
		if again := ensured(t, gcp.Functions(o), s); again != id {
			t.Errorf("%s, want %s", again, id)
		}
		second, newest := revisions(cloud.Service(id))
		if second == first || second != newest || cloud.Service(id).Template.Containers[0].Image != o.Image {
			t.Errorf("%s serves, %s is new", second, newest)
		}
		if n := len(seen); n < 4 || seen[0] != first || slices.ContainsFunc(seen, func(r string) bool { return r != first && r != second }) {
			t.Errorf("served meanwhile: %v", seen)
		}

		o.Image, o.Progress = "host/broken:1", nil
		broken := gcp.Functions(o)
		for range 2 {
			_, err := broken.Ensure(t.Context(), s)
			isError(t, err, providers.ErrInvalid, "failed to start", id)
		}
		if serving, newest := revisions(cloud.Service(id)); serving != second || newest == second {
			t.Errorf("%s serves, %s is new", serving, newest)
		}
		if got, err := broken.Invoke(t.Context(), id, []byte("abc")); err != nil || string(got.Body) != "ABC" {
			t.Errorf("%+v, %v", got, err)
		}
		o.Image = image
		ensured(t, gcp.Functions(o), s)
		if serving, newest := revisions(cloud.Service(id)); serving != newest {
			t.Errorf("mended: %s serves, %s is new", serving, newest)
		}
	})
}

// Each step may be the last of a process: the next one goes on there. Nothing is made twice.
func TestEnsureIsBrokenOffAnywhere(t *testing.T) {
	for _, permission := range []string{creating, updating, "run.services.get", "run.operations.get"} {
		for n := range 6 {
			bubble(t, func(t *testing.T) {
				cloud := newRun()
				o := functionOptions(t, cloud)
				s := specOf(t, gcp.Functions(o))
				faults := append(slices.Repeat([]fakegcp.Fault{""}, n), fakegcp.AnswerLost, "")
				if permission == updating {
					ensured(t, gcp.Functions(o), s)
				}
				o.Image = strings.Replace(image, ":1", ":2", 1)
				cloud.Fail(permission, faults...)
				_, err := gcp.Functions(o).Ensure(t.Context(), s)
				if err != nil {
					isError(t, err, providers.ErrUnavailable)
				}
				id := ensured(t, gcp.Functions(o), s)
				got := cloud.Service(id)
				if serving, newest := revisions(got); serving != newest || got.Template.Containers[0].Image != o.Image {
					t.Errorf("%s, call %d: %s serves, %s is new", permission, n, serving, newest)
				}
				list, err := gcp.Functions(o).List(t.Context(), "shop")
				if err != nil || len(list) != 1 {
					t.Errorf("%v, %v", list, err)
				}
			})
		}
	}
}

// Somebody else changes the service in between: what is there now is looked at, and changed. If that
// goes on, it is said.
func TestStaleEtags(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		o := functionOptions(t, cloud)
		s := specOf(t, gcp.Functions(o))
		id := ensured(t, gcp.Functions(o), s)
		o.Image = strings.Replace(image, ":1", ":2", 1)
		cloud.Fail(updating, fakegcp.Stale, fakegcp.Stale, "")
		ensured(t, gcp.Functions(o), s)
		if n := cloud.Calls()[updating]; n != 4 || cloud.Service(id).Template.Containers[0].Image != o.Image {
			t.Errorf("%d updates; want two that are refused, one of the revision and one of its traffic", n)
		}
		cloud.Fail(updating, fakegcp.Stale)
		o.Image = image
		_, err := gcp.Functions(o).Ensure(t.Context(), s)
		isError(t, err, providers.ErrUnavailable, "Conflict")
	})
}

// An operation that fails half-way is tried again when Ensure is; one that never ends is given up.
func TestOperationsThatGoWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		r := functionsOf(t, cloud)
		s := specOf(t, r)
		cloud.Fail(creating, fakegcp.HalfWay)
		_, err := r.Ensure(t.Context(), s)
		isError(t, err, providers.ErrInvalid, "container failed to start")
		list, err := r.List(t.Context(), "shop")
		if err != nil || len(list) != 1 {
			t.Errorf("what is half made is not listed: %v, %v", list, err)
		}
		ensured(t, r, s)

		other := s
		other.Stages = stage.Range{First: 0, Last: 0}
		cloud.Fail(creating, fakegcp.Endless)
		began := time.Now()
		_, err = r.Ensure(t.Context(), other)
		isError(t, err, providers.ErrUnavailable, "not ready after 10m0s")
		if took := time.Since(began); took > 11*time.Minute {
			t.Errorf("it took %v", took)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = r.Ensure(soon, other)
		isError(t, err, context.DeadlineExceeded)
	})
}

// By hand: a vCPU and 2 GiB are 0.000024 and 0.000005 dollars a second, billed in tenths, and the
// fee; by instance 0.000018 and 0.000004. Kept warm, 0.0000025 and 0.000005.
func TestPricesOfSizes(t *testing.T) {
	near := func(got, want float64) bool { return got > want*(1-1e-9) && got < want*(1+1e-9) }
	for _, s := range gcp.Sizes() {
		if err := s.Offer.Validate(); err != nil {
			t.Error(err)
		}
	}
	s := gcp.SizeOf(1, 2048, gcp.ByRequest)
	if got := s.Offer.Cost(101 * time.Millisecond); !near(got, 0.4e-6+0.2*0.000029) {
		t.Errorf("by request: %v", got)
	}
	if got := gcp.SizeOf(1, 2048, gcp.ByInstance).Offer.Cost(101 * time.Millisecond); !near(got, 0.2*0.000022) {
		t.Errorf("by instance: %v", got)
	}
	if got := s.Warm(2).Offer.IdlePerHour; !near(got, 2*3600*0.0000075) {
		t.Errorf("two warm ones: %v dollars an hour", got)
	}
	var idle provisioner.FunctionOffer
	if idle = s.Offer; idle.IdlePerHour != 0 {
		t.Errorf("none warm: %v", idle.IdlePerHour)
	}
}
