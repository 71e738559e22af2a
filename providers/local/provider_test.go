//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
)

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += string(b)
	return len(b), nil
}

func (l *lines) has(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(strings.Split(l.text, "\n"), line)
}

func TestOffers(t *testing.T) {
	p := open(t, local.Options{})
	if p.VMs().Name() != "local" || p.Functions().Name() != "local" {
		t.Errorf("%q and %q", p.VMs().Name(), p.Functions().Name())
	}
	vms, err := p.VMs().Offers(t.Context())
	if err != nil || !slices.Equal(vms, []provisioner.VMOffer{small, large, slow}) {
		t.Errorf("%v, %v", vms, err)
	}
	functions, err := p.Functions().Offers(t.Context())
	if err != nil || !slices.Equal(functions, []provisioner.FunctionOffer{half, whole, cold}) {
		t.Errorf("%v, %v", functions, err)
	}
}

func TestOptionsRefused(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]local.Options{
		"a VM without a price":         {VMs: []local.VM{{Offer: provisioner.VMOffer{Name: "v"}}}},
		"two VMs of one name":          {VMs: []local.VM{{Offer: small}, {Offer: small}}},
		"a negative boot delay":        {VMs: []local.VM{{Offer: small, Boot: -1}}},
		"a function without a size":    {Functions: []local.Function{{Offer: provisioner.FunctionOffer{Name: "f"}}}},
		"two functions of one name":    {Functions: []local.Function{{Offer: half}, {Offer: half}}},
		"a negative cold start":        {Functions: []local.Function{{Offer: half, Cold: -1}}},
		"a negative keep-alive":        {KeepAlive: -1},
		"a negative concurrency":       {Concurrency: -1},
		"a negative timeout":           {Timeout: -1},
		"a negative startup":           {Startup: -1},
		"a negative grace":             {Grace: -1},
		"a program that is not there":  {Program: "/no/such/program"},
		"a program that cannot be run": {Program: file},
	} {
		_, err := local.Open(o)
		isError(t, what, err, providers.ErrInvalid)
	}
	t.Setenv(launch.Environment, launch.Stdin)
	_, err := local.Open(local.Options{})
	isError(t, "a provider in a worker", err, providers.ErrInvalid)
}

// Without a program, each launch and function has to name what it runs.
func TestWithoutAProgram(t *testing.T) {
	p, err := local.Open(local.Options{VMs: []local.VM{{Offer: small}}, Functions: []local.Function{{Offer: half}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.VMs().Launch(t.Context(), launchOf("a", 1, "ok"))
	isError(t, "a launch of nothing", err, providers.ErrInvalid)
	says(t, err, "Options.Program")
	_, err = p.Functions().Ensure(t.Context(), specOf("ok"))
	isError(t, "a function of nothing", err, providers.ErrInvalid)
	l, s := launchOf("b", 1, "ok"), specOf("ok")
	l.Artifact, s.Artifact = os.Args[0], local.Self
	ready(t, p, l)
	invoke(t, p, ensure(t, p, s), "pid")
}

// Every line of output is in the log with its VM's or function's ID before it. The setup
// is not, nor the ready line.
func TestTheLog(t *testing.T) {
	said := &lines{}
	p := open(t, local.Options{Log: said})
	id := ensure(t, p, specOf("ok secret"))
	invoke(t, p, id, "pid")
	ready(t, p, launchOf("a", 1, "ok secret"))
	if _, err := p.VMs().Launch(t.Context(), launchOf("b", 1, "dies secret")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "vm-2 is gone", func() bool { return len(list(t, p)) == 1 })
	p.Close()
	for _, line := range []string{"vm-1: hello", "function-1: hello", "vm-2: no such model"} {
		if !said.has(line) {
			t.Errorf("%q is not in the log:\n%s", line, said.text)
		}
	}
	if strings.Contains(said.text, "secret") || strings.Contains(said.text, launch.ReadyPrefix) || !strings.Contains(said.text, "vm-2: gone: ") {
		t.Errorf("the log:\n%s", said.text)
	}
}

// everything is the errors of all operations, by name.
func everything(ctx context.Context, p *local.Provider, function string) map[string]error {
	errs := map[string]error{}
	_, errs["offers"] = p.VMs().Offers(ctx)
	_, errs["launch"] = p.VMs().Launch(ctx, launchOf("everything", 1, "ok"))
	errs["end"] = p.VMs().End(ctx, "vm-1")
	_, errs["list"] = p.VMs().List(ctx, "shop")
	_, errs["function offers"] = p.Functions().Offers(ctx)
	_, errs["ensure"] = p.Functions().Ensure(ctx, specOf("ok"))
	_, errs["invoke"] = p.Functions().Invoke(ctx, function, nil)
	errs["remove"] = p.Functions().Remove(ctx, function)
	_, errs["list functions"] = p.Functions().List(ctx, "shop")
	return errs
}

func TestNothingBeginsWhenTheContextIsOver(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range everything(ctx, p, id) {
		isError(t, what, err, context.Canceled)
	}
	if a := p.Account(); a != (local.Account{}) {
		t.Errorf("%+v", a)
	}
	if list, err := p.Functions().List(t.Context(), "shop"); len(list) != 1 || err != nil {
		t.Errorf("%v, %v: the function has gone", list, err)
	}
}

// Close ends VMs that serve, boot, start and do not want to end, and functions that run,
// start and are idle; and every call that waits is answered.
func TestCloseAmongEverything(t *testing.T) {
	said := &lines{}
	p := open(t, local.Options{Grace: 200 * time.Millisecond, Log: said})
	booting := launchOf("booting", 2, "ok")
	booting.Offer = slow
	ready(t, p, launchOf("ready", 2, "ok"))
	for _, l := range []providers.Launch{booting, launchOf("starting", 1, "never"), launchOf("stubborn", 1, "stubborn")} {
		if _, err := p.VMs().Launch(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	id, never := ensure(t, p, specOf("ok")), ensure(t, p, specOf("never"))
	idle := hold(t, p, t.Context(), id)
	running := hold(t, p, t.Context(), id)
	idle.release(t)
	starting := make(chan error, 1)
	go func() {
		_, err := p.Functions().Invoke(t.Context(), never, nil)
		starting <- err
	}()
	eventually(t, "the other function starts", func() bool { return said.has(never + ": still loading") })
	eventually(t, "the VMs run", func() bool { return len(p.PIDs()) == 4 })
	pids := p.PIDs()
	pids["idle"], pids["running"] = idle.pid, running.pid

	var closers sync.WaitGroup
	for range 2 {
		closers.Go(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			for who, pid := range pids {
				if !reaped(pid) {
					t.Errorf("%s is left", who)
				}
			}
		})
	}
	closers.Wait()
	<-running.done
	isError(t, "the call that ran", running.err, providers.ErrUnavailable)
	isError(t, "the call whose function started", <-starting, providers.ErrUnavailable)
	for what, err := range everything(t.Context(), p, id) {
		isError(t, what, err, providers.ErrUnavailable)
	}
	a := p.Account()
	if a.VMs != 6 || a.Calls != 3 || a.VMDollars < 4*3600 || p.Account() != a || len(p.PIDs()) != 0 {
		t.Errorf("%+v and %+v, %v", a, p.Account(), p.PIDs())
	}
}

// Programs use a provider from many goroutines, and close it any time; the race detector
// watches.
func TestConcurrentUse(t *testing.T) {
	p := open(t, local.Options{KeepAlive: 20 * time.Millisecond, Concurrency: 3})
	id := ensure(t, p, specOf("ok"))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { useUntilClosed(t, p, id, i) })
	}
	eventually(t, "much has happened", func() bool { a := p.Account(); return a.Calls >= 40 && a.VMs >= 8 })
	p.Close()
	all.Wait()
}

func useUntilClosed(t *testing.T, p *local.Provider, function string, user int) {
	ctx := t.Context()
	for j := 0; ; j++ {
		errs := make([]error, 4)
		var vms []providers.Instance
		if vms, errs[0] = p.VMs().Launch(ctx, launchOf(fmt.Sprint(user, "-", j/8), 1, "ok")); j%8 == 7 && len(vms) > 0 {
			errs[1] = p.VMs().End(ctx, vms[0].ID)
		}
		_, errs[2] = p.Functions().Invoke(ctx, function, []byte("echo"))
		_, errs[3] = p.VMs().List(ctx, "shop")
		p.PIDs()
		if err := errors.Join(errs...); errors.Is(err, providers.ErrUnavailable) {
			return
		}
		for _, err := range errs {
			if err != nil && !errors.Is(err, providers.ErrThrottled) {
				t.Error(err)
			}
		}
	}
}
