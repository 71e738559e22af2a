package providertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// defect is the variable that names what is wrong with the provider of TestTheSuiteOnOne.
const defect = "PROVIDERTEST_DEFECT"

// vms and functions are of a provider that is sound but for what a test replaces.
type vms struct {
	providers.VMs
	launch func(context.Context, providers.Launch) ([]providers.Instance, error)
	list   func(context.Context, string) ([]providers.Instance, error)
	end    func(context.Context, string) error
}

func (v vms) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	if v.launch != nil {
		return v.launch(ctx, l)
	}
	return v.VMs.Launch(ctx, l)
}

func (v vms) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	if v.list != nil {
		return v.list(ctx, owner)
	}
	return v.VMs.List(ctx, owner)
}

func (v vms) End(ctx context.Context, id string) error {
	if v.end != nil {
		return v.end(ctx, id)
	}
	return v.VMs.End(ctx, id)
}

type functions struct {
	providers.Functions
	ensure func(context.Context, providers.FunctionSpec) (providers.Function, error)
	invoke func(context.Context, string, []byte) (providers.Invocation, error)
}

func (f functions) Ensure(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
	if f.ensure != nil {
		return f.ensure(ctx, s)
	}
	fn, err := f.Functions.Ensure(ctx, s)
	fn.Warmed = providers.Warmed{Wanted: 3, Started: 1, Calls: 2, Throttled: 1, Dollars: 0.1} // which lists do not show
	return fn, err
}

func (f functions) Invoke(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
	if f.invoke != nil {
		return f.invoke(ctx, id, body)
	}
	return f.Functions.Invoke(ctx, id, body)
}

// injector is the type of providertest.Cloud.Inject.
type injector = func(providertest.Op, providertest.Fault) (mend func(), ok bool)

// instead injects one fault in place of another, or none if it is "none".
func instead(inject injector, op providertest.Op, f, other providertest.Fault) injector {
	return func(o providertest.Op, asked providertest.Fault) (mend func(), ok bool) {
		if o == op && asked == f {
			asked = other
		}
		return inject(o, asked)
	}
}

// defects are what adapters and fixtures get wrong, and the test of the suite that finds each.
var defects = map[string]struct {
	found   string
	spoil   func(*vms, *functions)
	fixture func(*providertest.Cloud)
}{
	"calls of its own for nothing": {found: "a_function_is_made_once", spoil: func(_ *vms, f *functions) {
		f.ensure = func(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
			fn, err := f.Functions.Ensure(ctx, s)
			fn.Warmed = providers.Warmed{Wanted: 3, Started: 3, Calls: 3}
			return fn, err
		}
	}},
	"a token launches twice": {found: "a_token_launches_once", spoil: func(v *vms, _ *functions) {
		n := 0
		v.launch = func(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
			n++
			l.Token += fmt.Sprint("-", n)
			return v.VMs.Launch(ctx, l)
		}
	}},
	"tags are forgotten": {found: "launch_and_list", spoil: func(v *vms, _ *functions) {
		v.list = func(ctx context.Context, owner string) ([]providers.Instance, error) {
			list, err := v.VMs.List(ctx, owner)
			for i := range list {
				list[i].Artifact = ""
			}
			return list, err
		}
	}},
	"another owner's VMs are listed": {found: "owners_of_VMs", spoil: func(v *vms, _ *functions) {
		v.list = func(ctx context.Context, owner string) ([]providers.Instance, error) {
			list, err := v.VMs.List(ctx, owner)
			if more, _ := v.VMs.List(ctx, owner+"2"); err == nil {
				list = append(list, more...)
			}
			return list, err
		}
	}},
	"only the first page is listed": {found: "launch_and_list", spoil: func(v *vms, _ *functions) {
		v.list = func(ctx context.Context, owner string) ([]providers.Instance, error) {
			list, err := v.VMs.List(ctx, owner)
			return list[:min(1, len(list))], err
		}
	}},
	"ending what has gone is an error": {found: "end", spoil: func(v *vms, _ *functions) {
		ended := map[string]bool{}
		v.end = func(ctx context.Context, id string) error {
			if ended[id] {
				return &providers.Error{Provider: "mock", Op: "end VM", Err: providers.ErrNotFound}
			}
			ended[id] = true
			return v.VMs.End(ctx, id)
		}
	}},
	"End does nothing": {found: "end", spoil: func(v *vms, _ *functions) {
		v.end = func(ctx context.Context, _ string) error { return nil }
	}},
	"the context is not looked at": {found: "VMs_and_contexts_that_are_over", spoil: func(v *vms, _ *functions) {
		v.end = func(_ context.Context, id string) error { return v.VMs.End(context.Background(), id) }
	}},
	"a lost answer is called a refusal": {found: "launches_that_fail", spoil: func(v *vms, _ *functions) {
		v.launch = func(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
			list, err := v.VMs.Launch(ctx, l)
			if errors.Is(err, context.DeadlineExceeded) {
				err = &providers.Error{Provider: "mock", Op: "launch", Err: providers.ErrThrottled}
			}
			return list, err
		}
	}},
	"an error has no name": {found: "launches_that_cannot_be", spoil: func(v *vms, _ *functions) {
		v.launch = func(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
			list, err := v.VMs.Launch(ctx, l)
			if err != nil {
				err = errors.New(err.Error())
			}
			return list, err
		}
	}},
	"the setup is told": {found: "functions_that_cannot_be", spoil: func(_ *vms, f *functions) {
		f.ensure = func(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
			fn, err := f.Functions.Ensure(ctx, s)
			if err != nil {
				err = &providers.Error{Provider: "mock", Op: "ensure", Err: fmt.Errorf("%w: %+v", err, s)}
			}
			return fn, err
		}
	}},
	"an end of which nobody hears is called done": {found: "lists_and_ends_of_VMs_that_fail", spoil: func(v *vms, _ *functions) {
		v.end = func(ctx context.Context, id string) error {
			err := v.VMs.End(ctx, id)
			if errors.Is(err, providers.ErrUnavailable) {
				return nil
			}
			return err
		}
	}},
	"an end is done of which it is said that it was not": {found: "lists_and_ends_of_VMs_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.End, providertest.Unavailable, providertest.AnswerLost)
	}},
	"an end is not done of which nobody hears": {found: "lists_and_ends_of_VMs_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.End, providertest.AnswerLost, providertest.Unavailable)
	}},
	"a list that fails is empty": {found: "lists_and_ends_of_VMs_that_fail", spoil: func(v *vms, _ *functions) {
		v.list = func(ctx context.Context, owner string) ([]providers.Instance, error) {
			list, err := v.VMs.List(ctx, owner)
			if errors.Is(err, providers.ErrThrottled) {
				err = nil
			}
			return list, err
		}
	}},
	"a throttled call is called a failure of the function": {found: "calls_of_functions_that_fail", spoil: func(_ *vms, f *functions) {
		f.invoke = func(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
			got, err := f.Functions.Invoke(ctx, id, body)
			if errors.Is(err, providers.ErrThrottled) {
				err = &providers.Error{Provider: "mock", Op: "invoke", Err: providers.ErrFunction}
			}
			return got, err
		}
	}},
	"a call that was refused has run": {found: "calls_of_functions_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.Invoke, providertest.Unavailable, providertest.AnswerLost)
	}},
	"a function is removed of which it is said that it was not": {found: "calls_of_functions_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.Remove, providertest.Unavailable, providertest.AnswerLost)
	}},
	"a quota is called a lack of capacity": {found: "launches_that_fail", spoil: func(v *vms, _ *functions) {
		v.launch = func(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
			list, err := v.VMs.Launch(ctx, l)
			if errors.Is(err, providers.ErrLimit) {
				err = &providers.Error{Provider: "mock", Op: "launch", Err: providers.ErrInsufficientCapacity}
			}
			return list, err
		}
	}},
	"a fault of launches is not injected": {found: "launches_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.Launch, providertest.OverQuota, "none")
	}},
	"a fault of ends is not injected": {found: "lists_and_ends_of_VMs_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.End, providertest.Denied, "none")
	}},
	"a fault of calls is not injected": {found: "calls_of_functions_that_fail", fixture: func(c *providertest.Cloud) {
		c.Inject = instead(c.Inject, providertest.Invoke, providertest.AnswerLost, "none")
	}},
	"a failure is not billed": {found: "the_bill_of_functions", spoil: func(_ *vms, f *functions) {
		f.invoke = func(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
			got, err := f.Functions.Invoke(ctx, id, body)
			if err != nil {
				got.Billed /= 2
			}
			return got, err
		}
	}},
	"a cold start is not billed": {found: "invoke", spoil: func(_ *vms, f *functions) {
		f.invoke = func(ctx context.Context, id string, body []byte) (providers.Invocation, error) {
			got, err := f.Functions.Invoke(ctx, id, body)
			got.Billed -= got.Cold
			return got, err
		}
	}},
	"specs are mistaken for each other": {found: "a_function_is_made_once", spoil: func(_ *vms, f *functions) {
		f.ensure = func(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
			if s.Setup != "" {
				s.Setup = strings.TrimSpace(s.Setup)
			}
			return f.Functions.Ensure(ctx, s)
		}
	}},
}

// silent is a world that never answers launches while it is.
type silent struct {
	*mock.World
	now atomic.Bool
}

func (w *silent) Launch(now time.Duration, o provisioner.VMOffer, n int) simulate.Launch {
	l := w.World.Launch(now, o, n)
	if w.now.Load() {
		l.Answer = provisioner.Never
	}
	return l
}

// inject is all faults, of which the lost answer of a launch is one for which its caller waits.
func (w *silent) inject(p *mock.Provider) injector {
	return func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
		if op == providertest.Launch && f == providertest.AnswerLost {
			w.now.Store(true)
			return func() { w.now.Store(false) }, true
		}
		mend, err := p.Inject(op, f)
		return mend, err == nil
	}
}

// TestTheSuiteOnOne is the suite on a provider that is sound, or has the defect that the
// environment names.
func TestTheSuiteOnOne(t *testing.T) {
	providertest.RunInBubble(t, func(t *testing.T) providertest.Cloud {
		world, err := mock.NewWorld(mock.Config{Cold: mock.Spread{Median: time.Second}}, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		silent := &silent{World: world}
		p, err := mock.Open(mock.Options{
			VMs:       []provisioner.VMOffer{{Name: "small", PerHour: 1}},
			Functions: []provisioner.FunctionOffer{{Name: "1 GB", MemoryMB: 1024, PerGBSecond: 1}},
			World:     silent,
			Function: func(body []byte) ([]byte, error) {
				time.Sleep(3 * time.Millisecond)
				if len(body) == 0 {
					return nil, errors.New("nothing to do")
				}
				return body, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		v, f := vms{VMs: p.VMs()}, functions{Functions: p.Functions()}
		d := defects[os.Getenv(defect)]
		if d.spoil != nil {
			d.spoil(&v, &f)
		}
		c := providertest.Cloud{
			VMs: v, Functions: f, VMArtifact: "worker", FunctionArtifact: "worker", Setup: "the secret", Body: []byte("x"), Answer: []byte("x"),
			Launched: func() int { return p.Account().VMs },
			Inject:   silent.inject(p),
			Spent:    func() (vms, functions float64) { a := p.Account(); return a.VMDollars, a.FunctionDollars },
		}
		if d.fixture != nil {
			d.fixture(&c)
		}
		return c
	})
}

// Each defect is found, by the test that is for it.
func TestDefectsAreFound(t *testing.T) {
	if os.Getenv(defect) != "" {
		t.Fatal("it starts itself")
	}
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestTheSuiteOnOne$")
			cmd.Env = append(os.Environ(), defect+"="+name, "GORACE=atexit_sleep_ms=0")
			text, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(text), "--- FAIL: TestTheSuiteOnOne/"+d.found+" ") {
				t.Errorf("%v: not found by %s:\n%s", err, d.found, text)
			}
		})
	}
}
