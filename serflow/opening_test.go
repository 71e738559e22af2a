package serflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// Options that cannot be are refused before anything is rented.
func TestOptionsRefused(t *testing.T) {
	s := newSkies(t, rentedModel, nil)
	defer s.closed(t, nil)
	s.before = func(int, string) error { t.Error("a provider was asked"); return nil }
	both, only := s.on(), serflow.On(s.vms(), nil)
	all := stage.Range{Last: 2}
	vms := func(groups ...provisioner.VMGroup) serflow.Option { return serflow.Plan(provisioner.Plan{VMs: groups}) }
	group := provisioner.VMGroup{Stages: all, Offer: vmOffer, VMs: 1}
	limits := func(l provisioner.Limits) serflow.Option { return serflow.Limits(l) }
	for name, c := range map[string]struct {
		options []serflow.Option
		want    error
	}{
		"no provider":                      {[]serflow.Option{serflow.On(nil, nil)}, serflow.ErrInput},
		"typed nils":                       {[]serflow.Option{serflow.On((*local.VMs)(nil), (*mock.Functions)(nil))}, serflow.ErrInput},
		"no owner":                         {[]serflow.Option{both, serflow.Owner("")}, serflow.ErrInput},
		"no limits":                        {[]serflow.Option{both, limits(provisioner.Limits{})}, serflow.ErrLimit},
		"a limit below 0":                  {[]serflow.Option{both, limits(provisioner.Limits{VMs: 1, PerHour: -1, PerDay: 1})}, serflow.ErrLimit},
		"an SLO below 0":                   {[]serflow.Option{both, serflow.SLO(-1)}, serflow.ErrInput},
		"an endless SLO":                   {[]serflow.Option{both, serflow.SLO(1<<63 - 1)}, serflow.ErrInput},
		"a rare heartbeat":                 {[]serflow.Option{both, serflow.Heartbeat(time.Hour)}, serflow.ErrInput},
		"a short secret":                   {[]serflow.Option{both, serflow.Credential("hush")}, serflow.ErrInput},
		"a secret of two lines":            {[]serflow.Option{both, serflow.Credential("0123456789abcdef\n")}, serflow.ErrInput},
		"functions of nobody":              {[]serflow.Option{only, serflow.Plan(vmsAndFunctions(1))}, provisioner.ErrPlan},
		"a stage left out":                 {[]serflow.Option{only, vms(provisioner.VMGroup{Stages: stage.Range{Last: 1}, Offer: vmOffer, VMs: 1})}, provisioner.ErrPlan},
		"a group without VMs":              {[]serflow.Option{only, vms(provisioner.VMGroup{Stages: all, Offer: vmOffer})}, provisioner.ErrPlan},
		"room for no VM":                   {[]serflow.Option{only, vms(group), limits(provisioner.Limits{PerHour: 1, PerDay: 1})}, serflow.ErrLimit},
		"dollars for no hour":              {[]serflow.Option{only, vms(group), limits(provisioner.Limits{VMs: 1, PerHour: 0.1, PerDay: 1})}, serflow.ErrLimit},
		"dollars for no day":               {[]serflow.Option{only, vms(group), limits(provisioner.Limits{VMs: 1, PerHour: 1})}, serflow.ErrLimit},
		"room for no VM beside a function": {[]serflow.Option{both, serflow.Plan(vmsAndFunctions(1)), limits(provisioner.Limits{VMs: 1, PerHour: 0.1, PerDay: 1})}, serflow.ErrLimit},
		"all for the first beside functions": {[]serflow.Option{both, limits(provisioner.Limits{VMs: 2, PerHour: 1, PerDay: 1}), serflow.Plan(provisioner.Plan{
			Functions: vmsAndFunctions(1).Functions,
			VMs:       []provisioner.VMGroup{{Stages: stage.Range{}, Offer: vmOffer, VMs: 2}, {Stages: stage.Range{First: 1, Last: 2}, Offer: vmOffer, VMs: 1}},
		})}, serflow.ErrLimit},
		"all for the first": {[]serflow.Option{only, limits(provisioner.Limits{VMs: 2, PerHour: 1, PerDay: 1}), vms(
			provisioner.VMGroup{Stages: stage.Range{}, Offer: vmOffer, VMs: 2}, provisioner.VMGroup{Stages: stage.Range{First: 1, Last: 2}, Offer: vmOffer, VMs: 1})}, serflow.ErrLimit},
	} {
		p, err := serflow.Open(t.Context(), rentedModel, append([]serflow.Option{serflow.Owner("test"), serflow.Limits(generous)}, c.options...)...)
		var e *serflow.Error
		if p != nil || !errors.Is(err, c.want) || !errors.As(err, &e) || e.Remedy == "" {
			t.Errorf("%s: %v, want %v with a remedy", name, err, c.want)
		}
		if e != nil && e.Provider == "" && !strings.HasPrefix(name, "no provider") && name != "typed nils" {
			t.Errorf("%s: %v: it names no provider", name, err)
		}
	}
}

// Limits that leave room for some of the VMs are no error, and are in the log.
func TestRoomForSomeVMs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for vms, warned := range map[int]bool{2: false, 3: true} {
			s := newSkies(t, rentedModel, nil)
			var log bytes.Buffer
			p := s.open(t, serflow.Plan(vmsAndFunctions(vms)), serflow.Limits(provisioner.Limits{VMs: 9, PerHour: 0.8, PerDay: 9}), serflow.Log(slog.New(slog.NewTextHandler(&log, nil))))
			waitUntil(t, "two VMs", func() bool { return ready(p) == 2 })
			s.closed(t, p)
			if line := "planned=3 room=2"; strings.Contains(log.String(), line) != warned {
				t.Errorf("%d VMs: %s", vms, log.String())
			}
		}
	})
}

// An Open that runs out of time says for what it has waited and what the provider said, and
// ends what it has launched.
func TestOpenWithoutVMs(t *testing.T) {
	for name, c := range map[string]struct {
		config mock.Config
		want   error
		says   string
	}{
		"an outage":         {mock.Config{Outages: []mock.Window{{To: 24 * time.Hour}}}, serflow.ErrDeadline, "insufficient capacity"},
		"never ready":       {mock.Config{Unregistered: 1}, serflow.ErrDeadline, "connection refused"},
		"no answers":        {mock.Config{LostAnswers: 1, Boot: mock.Spread{Median: time.Hour}}, serflow.ErrDeadline, "1 booting"},
		"boots for an hour": {mock.Config{Boot: mock.Spread{Median: time.Hour}}, serflow.ErrDeadline, "1 booting"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, &c.config)
			defer s.closed(t, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			_, err := serflow.Open(ctx, rentedModel, s.options(serflow.On(s.vms(), nil))...)
			typed(t, name, err, c.want)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%s: %v: it does not say %q", name, err, c.says)
			}
			if left := s.left(t); len(left) > 0 {
				t.Errorf("%s: %v are left", name, left)
			}
		})
	}
}

// What can never succeed is not waited for.
func TestOpenFailsAtOnce(t *testing.T) {
	other := rentedModel
	other.Name = "others"
	for name, c := range map[string]struct {
		change func(s *skies)
		kind   string
		want   error
	}{
		"a launch that is invalid":    {func(s *skies) { s.before = broken("launch", providers.ErrInvalid) }, "vm", providers.ErrInvalid},
		"no such offer":               {func(s *skies) { s.before = broken("launch", providers.ErrNotFound) }, "vm", providers.ErrNotFound},
		"VMs of another model":        {func(s *skies) { s.workerOf = func(providers.Instance) *plainWorker { return newPlainWorker(other) } }, "vm", serflow.ErrFingerprint},
		"a function that cannot be":   {func(s *skies) { s.before = broken("ensure", providers.ErrInvalid) }, "function", providers.ErrInvalid},
		"a function of another model": {func(s *skies) { s.functions = newPlainWorker(other) }, "function", serflow.ErrFingerprint},
		"a function that dies":        {func(s *skies) { s.onCall = func() error { return errors.New("exit status 1") } }, "function", providers.ErrFunction},
		"a function that is gone":     {func(s *skies) { s.before = broken("invoke", providers.ErrNotFound) }, "function", providers.ErrNotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			defer s.closed(t, nil)
			c.change(s)
			on := serflow.On(s.vms(), nil)
			if c.kind == "function" {
				on = serflow.On(nil, s.lambdas())
			}
			begun := time.Now()
			_, err := serflow.Open(t.Context(), rentedModel, s.options(on)...)
			typed(t, name, err, c.want)
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
			if vms, _ := s.VMs().List(t.Context(), "test"); len(vms) > 0 {
				t.Errorf("%s: %v are left", name, vms)
			}
		})
	}
}

// broken breaks one operation of a provider.
func broken(which string, err error) func(int, string) error {
	return func(_ int, op string) error {
		if op == which {
			return &providers.Error{Provider: "mock", Op: op, Err: err}
		}
		return nil
	}
}

// A function is called once before Open returns, also if it is throttled for a while, and the
// call is on the bill.
func TestFunctionsAreWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Cold: mock.Spread{Median: 3 * time.Second}})
		begun := time.Now()
		s.before = func(_ int, op string) error {
			if op == "invoke" && time.Since(begun) < 10*time.Second {
				return &providers.Error{Provider: "mock", Op: op, Err: providers.ErrThrottled}
			}
			return nil
		}
		p := s.open(t, serflow.On(nil, s.lambdas()))
		defer s.closed(t, p)
		if took := time.Since(begun); took < 13*time.Second || took > 30*time.Second {
			t.Errorf("Open took %v", took)
		}
		a, stats := s.Account(), p.Stats()
		if a.Calls != 1 || a.Cold != 1 || stats.Requests != 0 || stats.FunctionDollars != a.FunctionDollars || stats.FunctionDollars == 0 {
			t.Errorf("%+v; %+v", a, stats)
		}
		opened := time.Now()
		check(t, p, 2)
		if took := time.Since(opened); took > time.Second {
			t.Errorf("the first request took %v: a cold start", took)
		}
	})
}

// A pipeline with the credential of the one before it serves on with its VMs and functions;
// one without replaces them.
func TestAdoption(t *testing.T) {
	const key = "0123456789abcdef"
	for name, c := range map[string]struct {
		credential string
		adopts     bool
	}{"the same": {key, true}, "one of its own": {"", false}, "another": {"another-" + key, false}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: time.Minute}})
			plan := serflow.Plan(vmsAndFunctions(2))
			first := s.open(t, plan, serflow.Credential(key))
			waitUntil(t, "two VMs", func() bool { return ready(first) == 2 })
			before, functions := vmIDs(first), s.left(t)[2:]
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			second := s.open(t, plan, serflow.Credential(c.credential))
			defer s.closed(t, second)
			waitUntil(t, "two VMs again", func() bool { return ready(second) == 2 })
			after := vmIDs(second)
			if same := slices.Equal(before, after); same != c.adopts || c.adopts && s.most > 2 || s.most > generous.VMs {
				t.Errorf("%s: VMs %v, then %v, %d at most", name, before, after, s.most)
			}
			if left := s.left(t); len(left) != 3 || slices.Contains(left, functions[0]) != c.adopts {
				t.Errorf("%s: functions %v, then %v", name, functions, left)
			}
			for i := range 3 {
				check(t, second, i)
			}
			if err := second.Teardown(t.Context()); err != nil || len(s.left(t)) > 0 {
				t.Errorf("%s: %v, %v left", name, err, s.left(t))
			}
		})
	}
}

// VMs under our tag that serve stages that this model has not are ended.
func TestVMsOfALongerModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		old, err := s.VMs().Launch(t.Context(), providers.Launch{Token: "old-1", Owner: "test", Offer: vmOffer, Stages: stage.Range{First: 3, Last: 7}, VMs: 2})
		if err != nil {
			t.Fatal(err)
		}
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
		defer s.closed(t, p)
		waitUntil(t, "one VM", func() bool { return slices.Equal(vmIDs(p), []string{"vm-3"}) && ready(p) == 1 })
		if left := s.left(t); slices.Contains(left, old[0].ID) || len(left) != 2 {
			t.Errorf("%v are left", left)
		}
	})
}

// waitUntil is waitFor in a bubble.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3600 {
		if is() {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("no %s within an hour", what)
}

var errCrash = errors.New("the process is gone")

// Wherever an Open is broken off, by its context or with its process, the next one finds what
// it left, no more VMs run than the limits allow, and a teardown leaves nothing.
func TestOpenBrokenOffAnywhere(t *testing.T) {
	for _, credential := range []string{"", "the-same-secret-each-time"} {
		for _, how := range []string{"before", "after", "crash"} {
			for n := 0; ; n++ {
				reached := false
				synctest.Test(t, func(t *testing.T) { reached = brokenOff(t, credential, how, n) })
				if !reached {
					if n < 4 {
						t.Errorf("%s: an Open makes only %d calls", how, n)
					}
					break
				}
			}
		}
	}
}

// brokenOff breaks an Open off at the provider's n-th call, and tells whether it got there.
func brokenOff(t *testing.T, credential, how string, n int) (reached bool) {
	config := mock.Config{Boot: mock.Spread{Median: 20 * time.Second}, Answer: mock.Spread{Median: time.Second}}
	s := newSkies(t, rentedModel, &config)
	options := s.options(serflow.Credential(credential), serflow.Plan(halves(2)), serflow.Limits(provisioner.Limits{VMs: 3, PerHour: 10, PerDay: 10}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	s.before = func(call int, _ string) error {
		if call >= n && how != "after" {
			reached = true
			cancel()
			if how == "crash" {
				return errCrash
			}
		}
		return nil
	}
	s.after = func(call int, _ string) {
		if call >= n && how == "after" {
			reached = true
			cancel()
		}
	}
	p, err := serflow.Open(ctx, rentedModel, options...)
	if err == nil {
		p.Close() // it was in time
	} else if e := new(serflow.Error); !errors.As(err, &e) || e.Provider == "" || e.Remedy == "" {
		t.Errorf("%s %d: %v", how, n, err)
	}
	if how != "crash" && err != nil && credential == "" {
		if vms, _ := s.VMs().List(t.Context(), "test"); len(vms) > 0 {
			t.Errorf("%s %d: %v, and left %v", how, n, err, vms)
		}
	}
	if err != nil && !strings.Contains(err.Error(), "owner") {
		if vms, _ := s.VMs().List(t.Context(), "test"); len(vms) > 0 {
			t.Errorf("%s %d: %v: it does not say that %v are left", how, n, err, vms)
		}
	}
	s.hook(nil, nil)
	p = s.open(t, options...)
	defer s.closed(t, p)
	check(t, p, 2)
	waitUntil(t, "all VMs", func() bool { return ready(p) == 2 })
	if left := s.left(t); len(left) != 3 || s.most > 3 {
		t.Errorf("%s %d: %v, %d VMs at most", how, n, left, s.most)
	}
	if err := p.Teardown(t.Context()); err != nil {
		t.Errorf("%s %d: %v", how, n, err)
	}
	if left := s.left(t); len(left) > 0 {
		t.Errorf("%s %d: %v are left", how, n, left)
	}
	return reached
}

// halves has the first stage on VMs alone, and the others on VMs and a function.
func halves(vms int) provisioner.Plan {
	return provisioner.Plan{
		VMs: []provisioner.VMGroup{
			{Stages: stage.Range{}, Offer: vmOffer, VMs: vms / 2}, {Stages: stage.Range{First: 1, Last: 2}, Offer: vmOffer, VMs: vms - vms/2},
		},
		Functions: []provisioner.FunctionGroup{{Stages: stage.Range{First: 1, Last: 2}, Offer: functionOffer}},
	}
}

// A teardown that fails half-way goes on with the rest, says what is left, and can be
// repeated.
func TestTeardownHalfWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAndFunctions(3)))
		defer s.closed(t, nil)
		waitUntil(t, "three VMs", func() bool { return ready(p) == 3 })
		var ends int
		s.hook(func(_ int, op string) error {
			if op == "remove" {
				return &providers.Error{Provider: "mock", Op: op, Err: providers.ErrUnavailable}
			}
			if op == "end" {
				if ends++; ends == 1 {
					return &providers.Error{Provider: "mock", Op: op, Err: providers.ErrThrottled}
				}
			}
			return nil
		}, nil)
		err := p.Teardown(t.Context())
		var e *serflow.Error
		if !errors.Is(err, providers.ErrThrottled) || !errors.Is(err, providers.ErrUnavailable) || !errors.As(err, &e) || e.Provider != "mock" || e.Remedy == "" {
			t.Errorf("%v", err)
		}
		if left := s.left(t); len(left) != 2 {
			t.Errorf("%v are left, want one VM and the function", left)
		}
		s.hook(nil, nil)
		if err := p.Teardown(t.Context()); err != nil || len(s.left(t)) > 0 {
			t.Errorf("%v; %v are left", err, s.left(t))
		}
	})
}

// A launch that was not answered may come to something when a teardown has begun.
func TestTeardownWaitsForLateVMs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		s.before = func(_ int, op string) error {
			if op == "launch" {
				return &providers.Error{Provider: "mock", Op: op, Err: providers.ErrUnavailable}
			}
			return nil
		}
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
		defer s.closed(t, nil)
		time.Sleep(time.Second)
		go func() {
			time.Sleep(2 * time.Second)
			if _, err := s.VMs().Launch(t.Context(), providers.Launch{Token: "late", Owner: "test", Offer: vmOffer, VMs: 1}); err != nil {
				t.Error(err)
			}
		}()
		if err := p.Teardown(t.Context()); err != nil || len(s.left(t)) > 0 {
			t.Errorf("%v; %v are left", err, s.left(t))
		}
	})
}

// Programs that end while they boot are not started over and over.
func TestVMsThatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Unregistered: 1})
		p := s.open(t, serflow.Plan(vmsAndFunctions(1)))
		defer s.closed(t, p)
		for begun := time.Now(); time.Since(begun) < 10*time.Minute; time.Sleep(500 * time.Millisecond) {
			vms, err := s.VMs().List(t.Context(), "test")
			if err != nil {
				t.Fatal(err)
			}
			for _, vm := range vms {
				if time.Since(vm.Launched) > time.Second {
					s.VMs().End(t.Context(), vm.ID)
				}
			}
		}
		if n := s.Account().VMs; n < 8 || n > 20 {
			t.Errorf("%d VMs were launched in ten minutes", n)
		}
	})
}
