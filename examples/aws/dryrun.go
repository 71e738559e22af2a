package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/stage/worker"
)

// dryRun plans, and does all that -serve and -teardown do to a fake of AWS, whose VMs never boot.
// It is the one part that your copy of this program cannot have: it imports a package of Serflow's own.
func (s settings) dryRun(ctx context.Context, out io.Writer) error {
	s.settle = time.Millisecond
	given := s.program != ""
	if _, err := s.load(); err != nil { // this program may be for another system
		if given {
			return err
		}
		s.arch = "arm64"
	}
	ask, err := s.ask()
	if err != nil {
		return err
	}
	var p planner.Planner
	result, err := p.Plan(ask)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The plan for %g requests a second, prices of us-east-1 of %s:\n\n%s", s.rate, aws.Priced, result.Explain())
	f, err := worker.OpenFunction(ctx, shouting.Model, `{"setup":"{\"stages\":{\"First\":0,\"Last\":1}}","pace":1}`, 1<<20)
	if err != nil {
		return err
	}
	defer f.Close()
	calls := &recorder{out: out, cloud: fakeaws.Client{Cloud: s.fake(f)}}
	s.config = configOf(calls)
	fmt.Fprint(out, "\nThe calls to AWS, as they would be made; what is only asked again is left out.\n\nDeploy and serve:\n\n")
	if err := s.rehearse(ctx, len(result.Plan.VMs) > 0, calls); err != nil {
		return err
	}
	fmt.Fprint(out, "\nTear down:\n\n")
	calls.again()
	return s.end(ctx, io.Discard)
}

// rehearse deploys, opens, and waits until VMs have been asked for, if they are of the plan.
func (s settings) rehearse(ctx context.Context, vms bool, calls *recorder) (err error) {
	dir, err := os.MkdirTemp("", "serflow-aws-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := deployed{s.key(), dir + "/worker.zip"}
	if err := zipped(d.zip, []byte("your program")); err != nil {
		return err
	}
	if err := s.upload(ctx, d.key, []byte("your program")); err != nil {
		return err
	}
	pipeline, err := s.open(ctx, d, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pipeline.Close()) }()
	for vms && !calls.made("ec2:RunInstances") {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// fake is an AWS with what the settings name, and the model behind its functions.
func (s settings) fake(f *worker.Function) *fakeaws.Cloud {
	o := fakeaws.Options{
		Region: region, Images: slices.Collect(maps.Values(images)), Buckets: []string{s.bucket}, Subnets: map[string]string{}, Types: map[string]float64{},
		Network: fakeaws.NoNetwork, Pending: time.Hour,
		Function: func(payload []byte) ([]byte, error) {
			var body []byte
			if err := json.Unmarshal(payload, &body); err != nil {
				return nil, err
			}
			return json.Marshal(f.Answer(context.Background(), body))
		},
	}
	for _, subnet := range s.subnets {
		o.Subnets[subnet] = region + "a"
	}
	for _, t := range aws.Types() {
		o.Types[t.Name] = t.PerHour
	}
	return fakeaws.New(o)
}

const region = "us-east-1"

// configOf is how the SDK is told to talk to somebody else than AWS.
func configOf(client sdk.HTTPClient) sdk.Config {
	return sdk.Config{
		Region: region, BaseEndpoint: sdk.String("https://aws.test"), HTTPClient: client,
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
}

// recorder prints calls.
type recorder struct {
	cloud fakeaws.Client
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

func (r *recorder) made(action string) bool { return r.cloud.Cloud.Calls()[action] > 0 }

// Do makes a call of the fake.
func (r *recorder) Do(q *http.Request) (*http.Response, error) {
	var body []byte
	if q.Body != nil {
		var err error
		if body, err = io.ReadAll(q.Body); err != nil {
			return nil, err
		}
		q.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	text := described(q, body)
	r.mu.Lock()
	if r.said == nil {
		r.said = map[string]bool{}
	}
	if !r.said[text] {
		r.said[text] = true
		fmt.Fprint(r.out, text)
	}
	r.mu.Unlock()
	return r.cloud.Do(q)
}

// described is a call as people read it.
func described(q *http.Request, body []byte) string {
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		return describedForm(form)
	}
	path := q.URL.RequestURI()
	text := q.Method + " " + path + "\n"
	var fields map[string]any
	switch {
	case strings.HasSuffix(q.URL.Path, "/invocations"):
		return text + "    a request for the model, as a text of base64\n"
	case json.Unmarshal(body, &fields) != nil && len(body) > 0:
		return text + "    your program\n"
	}
	if code, ok := fields["Code"].(map[string]any); ok && code["ZipFile"] != nil {
		code["ZipFile"] = "your program, as bootstrap in a zip file"
	}
	if fields["ZipFile"] != nil {
		fields["ZipFile"] = "your program, as bootstrap in a zip file"
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value, _ := json.Marshal(fields[name])
		text += fmt.Sprintf("    %s: %s\n", name, value)
	}
	return text
}

// describedForm is a call of EC2.
func describedForm(form url.Values) string {
	text := "ec2 " + form.Get("Action") + "\n"
	for _, name := range slices.Sorted(maps.Keys(form)) {
		value := form.Get(name)
		switch name {
		case "Action", "Version":
			continue
		case "UserData":
			script, _ := base64.StdEncoding.DecodeString(value)
			value = "\n        " + strings.ReplaceAll(strings.TrimSpace(string(script)), "\n", "\n        ")
		}
		text += fmt.Sprintf("    %s: %s\n", name, value)
	}
	return text
}
