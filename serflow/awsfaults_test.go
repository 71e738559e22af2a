package serflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker"
)

// amazon is a fake of AWS under virtual time: the real SDK and the real workers, and no network.
type amazon struct {
	*fakeaws.Cloud
	model    stage.Model
	boots    time.Duration // that a VM takes to serve
	ill      atomic.Bool   // VMs that are launched now never serve
	function *worker.Function

	mu      sync.Mutex
	workers map[string]*machine // by address, of VMs that serve
}

// machine is a VM that serves.
type machine struct {
	*worker.Function
	model string
	setup launch.Setup
	print string
	life  context.Context
}

func newAmazon(t *testing.T, m stage.Model, o fakeaws.Options) *amazon {
	t.Helper()
	a := &amazon{model: m, boots: 30 * time.Second, workers: map[string]*machine{}}
	all := launch.Setup{Stages: stage.Range{Last: len(m.Stages) - 1}, Slots: 1000} // it stands for all sandboxes
	a.function = a.serve(t.Context(), all)
	o.Region, o.Images, o.Subnets = "us-east-1", []string{"ami-1"}, map[string]string{"subnet-1": "us-east-1a", "subnet-2": "us-east-1b"}
	o.Pending, o.Ending, o.Lag, o.Creating = 10*time.Second, 20*time.Second, 3*time.Second, 2*time.Second
	o.Types = map[string]float64{}
	for _, x := range aws.Types() {
		o.Types[x.Name] = x.PerHour
	}
	o.Boot = a.boot
	o.Function = func(payload []byte) ([]byte, error) {
		var body []byte
		if err := json.Unmarshal(payload, &body); err != nil {
			return nil, err
		}
		return json.Marshal(a.function.Answer(context.Background(), body))
	}
	a.Cloud = fakeaws.New(o)
	return a
}

// serve is a worker in memory.
func (a *amazon) serve(ctx context.Context, setup launch.Setup) *worker.Function {
	start, err := json.Marshal(launch.Start{Kind: launch.VM, Setup: setup.String(), Pace: 1})
	if err != nil {
		panic(err)
	}
	f, err := worker.OpenFunction(ctx, a.model, string(start), wire.LongestBody)
	if err != nil {
		panic(err)
	}
	return f
}

// boot is the life of a VM: it reads its user data, and listens.
func (a *amazon) boot(ctx context.Context, m fakeaws.Machine) {
	ill := a.ill.Load()
	select {
	case <-time.After(a.boots):
	case <-ctx.Done():
		return
	}
	if !ill {
		_, text, _ := strings.Cut(m.UserData, "END_OF_START'\n")
		var start launch.Start
		err := json.NewDecoder(strings.NewReader(text)).Decode(&start)
		setup, err2 := launch.ParseSetup(start.Setup)
		fingerprint, err3 := a.model.Fingerprint()
		if err := errors.Join(err, err2, err3); err != nil {
			panic(err)
		}
		w := &machine{a.serve(ctx, setup), a.model.Name, setup, fingerprint, ctx}
		defer w.Close()
		a.mu.Lock()
		a.workers[m.Address] = w
		a.mu.Unlock()
	}
	<-ctx.Done()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.workers, m.Address)
}

// RoundTrip takes a request to a VM.
func (a *amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	host := strings.TrimSuffix(r.URL.Host, ":8080")
	a.mu.Lock()
	w := a.workers[host]
	a.mu.Unlock()
	if w == nil || host == r.URL.Host {
		return nil, errors.New("connection refused")
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(w.life, cancel)()
	rec := &recorded{header: http.Header{}, status: http.StatusOK}
	if err := w.answer(ctx, rec, r); err != nil {
		return nil, err
	}
	if w.life.Err() != nil {
		return nil, errors.New("connection reset")
	}
	return rec.response(r), nil
}

// answer is what the worker's server does.
func (w *machine) answer(ctx context.Context, rec *recorded, r *http.Request) error {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+w.setup.Credential:
		refuse(rec, &wire.Error{Code: wire.Unauthorized, Message: "another credential"})
		return nil
	case strings.HasSuffix(r.URL.Path, "/ready"):
		return nil
	case r.Method == http.MethodGet:
		return json.NewEncoder(rec).Encode(wire.ModelMetadata{
			Name:       w.model,
			Parameters: wire.ModelParameters{Version: wire.Version, Fingerprint: w.print, First: w.setup.Stages.First, Last: w.setup.Stages.Last},
		})
	}
	body, err := io.ReadAll(r.Body)
	n, err2 := wire.ParseHeaderLength(r.Header.Get(wire.HeaderLength))
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	n, body, err = wire.Unpack(w.Answer(ctx, wire.Pack(n, body)))
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if bytes.HasPrefix(body, []byte(`{"error"`)) {
		rec.status = wire.DecodeError(0, body).Code.Status()
	} else {
		rec.header.Set(wire.HeaderLength, strconv.Itoa(n))
	}
	rec.Write(body)
	return nil
}

// config is how the SDK finds the fake.
func (a *amazon) config() *sdk.Config {
	return &sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String("https://aws.test"), HTTPClient: fakeaws.Client{Cloud: a.Cloud},
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
}

// on is AWS as a service has it. VMs are of a type that is in both subnets.
func (a *amazon) on() (vms *aws.EC2, functions *aws.Lambda) {
	return aws.VMs(aws.VMOptions{
			Sold: []aws.VM{aws.OnDemand(aws.Known("c7g.large")...)}, Subnets: []string{"subnet-1", "subnet-2"}, Image: "ami-1", Config: a.config(),
		}), aws.Functions(aws.FunctionOptions{
			Sold: aws.Sizes()[:1], Role: "arn:aws:iam::123456789012:role/worker", Code: "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1", Config: a.config(),
		})
}

// plan is so many VMs, and functions behind them.
func (a *amazon) plan(vms int) provisioner.Plan {
	all := stage.Range{Last: len(a.model.Stages) - 1}
	return provisioner.Plan{
		VMs:       []provisioner.VMGroup{{Stages: all, Offer: aws.OnDemand(aws.Known("c7g.large")...).Offer, VMs: vms}},
		Functions: []provisioner.FunctionGroup{{Stages: all, Offer: aws.Sizes()[0], Cold: 10 * time.Second}},
	}
}

func (a *amazon) open(t *testing.T, vms int, limits provisioner.Limits, more ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	machines, functions := a.on()
	p, err := serflow.Open(ctx, a.model, append([]serflow.Option{
		serflow.On(machines, functions), serflow.Owner("shop"), serflow.Limits(limits), serflow.Plan(a.plan(vms)), serflow.Transport(a), serflow.State(nil),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ended tears down, and finds nothing left.
func (a *amazon) ended(t *testing.T, p *serflow.Pipeline) {
	t.Helper()
	if err := p.Teardown(context.Background()); err != nil {
		t.Error(err)
	}
	a.function.Close()
	if vms, functions := a.Running(), a.Functions(); len(vms) > 0 || functions > 0 {
		t.Errorf("left: VMs %v and %d functions", vms, functions)
	}
	a.Close()
}

const (
	runInstances = "ec2:RunInstances"
	invokes      = "lambda:InvokeFunction"
)

// everything is what a service calls.
var everything = []string{
	runInstances, "ec2:DescribeInstances", "ec2:TerminateInstances", invokes, "lambda:ListFunctions", "lambda:ListTags", "lambda:GetFunctionConfiguration", "lambda:DeleteFunction",
}

// Whatever fails at AWS for ten minutes, in which it also takes a VM back: every request is answered, by
// what is left, the limits hold, the fleet is whole again afterwards, and a teardown leaves nothing.
func TestFaultsOfAWS(t *testing.T) {
	fail := func(f fakeaws.Fault, actions ...string) func(*amazon) {
		return func(a *amazon) {
			for _, action := range actions {
				a.Fail(action, f)
			}
		}
	}
	for name, begin := range map[string]func(*amazon){
		"nothing fails":             func(*amazon) {},
		"no capacity in any zone":   fail(fakeaws.NoCapacity, runInstances),
		"quota reached":             fail(fakeaws.OverQuota, runInstances),
		"launched, answer lost":     fail(fakeaws.AnswerLost, runInstances),
		"denied":                    fail(fakeaws.Denied, runInstances),
		"everything is throttled":   fail(fakeaws.Throttled, everything...),
		"everything answers 500":    fail(fakeaws.Unavailable, everything...),
		"every answer is lost":      fail(fakeaws.AnswerLost, everything...),
		"functions out of memory":   fail(fakeaws.OutOfMemory, invokes),
		"functions that time out":   fail(fakeaws.TimedOut, invokes),
		"functions that never init": fail(fakeaws.InitFailed, invokes),
		"VMs never get healthy":     func(a *amazon) { a.ill.Store(true) },
		"the clock is off":          func(a *amazon) { a.Skew(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outlive(t, begin) })
		})
	}
}

func outlive(t *testing.T, begin func(*amazon)) {
	a := newAmazon(t, rentedModel, fakeaws.Options{Init: 250 * time.Millisecond})
	limits := provisioner.Limits{VMs: 3, PerHour: 1, PerDay: 0.5}
	p := a.open(t, 2, limits, serflow.SLO(2*time.Second))
	defer a.ended(t, p)
	most := 0
	serves := func(length time.Duration) {
		for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(2 * time.Second) {
			if _, err := p.Infer(t.Context(), sampleOf(2)); err != nil {
				t.Errorf("a request is lost: %v", err)
			}
			most = max(most, len(a.Running()))
		}
	}
	waitUntil(t, "two VMs", func() bool { return ready(p) == 2 })
	begin(a)
	a.Reclaim(a.Running()[0])
	serves(10 * time.Minute)
	for _, action := range everything {
		a.Fail(action)
	}
	a.ill.Store(false)
	waitUntil(t, "two VMs again", func() bool { return ready(p) == 2 })
	serves(time.Minute)
	if most > limits.VMs || a.VMDollars() > limits.PerDay {
		t.Errorf("%d VMs at one time, %v dollars for VMs: the limits are %+v", most, a.VMDollars(), limits)
	}
}

// The dearest that can happen: VMs that are billed a minute at least, never serve, and are launched again and
// again. When the day's dollars are spent all are drained, which takes seconds, and no other is launched;
// functions answer everything.
func TestTheLimitsOfSpendingOnAWS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAmazon(t, rentedModel, fakeaws.Options{})
		a.ill.Store(true)
		limits := provisioner.Limits{VMs: 3, PerHour: 1, PerDay: 0.05}
		p := a.open(t, 3, limits)
		defer a.ended(t, p)
		for range 12 * 60 {
			if _, err := p.Infer(t.Context(), sampleOf(2)); err != nil {
				t.Fatalf("a request is lost: %v", err)
			}
			time.Sleep(time.Minute)
		}
		const draining = 30.0 / 3600 * 3 * 0.0725 // dollars
		if spent := a.VMDollars(); spent > limits.PerDay+draining || spent < limits.PerDay/2 {
			t.Errorf("%v dollars were spent in half a day, by %d VMs: the limit is %v", spent, a.Launched(), limits.PerDay)
		}
	})
}

// An image that is not there keeps no request from its answer, and nothing is launched.
func TestAnImageThatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAmazon(t, rentedModel, fakeaws.Options{})
		p := a.open(t, 1, provisioner.Limits{VMs: 3, PerHour: 1, PerDay: 1}, serflow.Artifacts("ami-gone", ""))
		defer a.ended(t, p)
		for range 100 {
			if r := check(t, p, 2); r.Path[0].Kind != "function" {
				t.Fatalf("%+v", r)
			}
			time.Sleep(time.Second)
		}
		if a.Launched() > 0 {
			t.Errorf("%d VMs were launched", a.Launched())
		}
	})
}
