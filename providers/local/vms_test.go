//go:build unix

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// ask calls a VM as its users do.
func ask(t *testing.T, vm providers.Instance, body string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post("http://"+vm.Address, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// A VM is listed from its launch on, gets an address when its process serves, and is gone
// when its end has been answered.
func TestTheLifeOfAVM(t *testing.T) {
	p := open(t, local.Options{Args: []string{"-one", "-two"}, Env: []string{"LOCAL_TEST_COLOUR=green"}})
	ctx := t.Context()
	l := launchOf("a", 2, "ok secret")
	before := time.Now()
	vms, err := p.VMs().Launch(ctx, l)
	if err != nil || len(vms) != 2 {
		t.Fatalf("%v, %v", vms, err)
	}
	if first := vms[0]; first.Launched.Before(before) || first.Launched.After(time.Now()) {
		t.Errorf("launched at %v", first.Launched)
	}
	want := providers.Instance{ID: "vm-1", Token: "a", Owner: "shop", Offer: small, Stages: l.Stages, Launched: vms[0].Launched}
	if vms[0] != want || vms[1].ID != "vm-2" {
		t.Errorf("%+v, want %+v and vm-2", vms, want)
	}
	vms = ready(t, p, l)
	if other, err := p.VMs().List(ctx, "other"); err != nil || len(other) != 0 {
		t.Errorf("another owner has %v, %v", other, err)
	}
	var start launch.Start
	json.Unmarshal([]byte(ask(t, vms[0], "start")), &start)
	if want := (launch.Start{Kind: launch.VM, Listen: "127.0.0.1:0", Setup: "ok secret", Pace: 0.25}); start != want {
		t.Errorf("told %+v, want %+v", start, want)
	}
	if got, want := ask(t, vms[0], "process LOCAL_TEST_COLOUR"), `["-one" "-two"] green`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	pids := p.PIDs()
	if got := ask(t, vms[0], "pid"); len(pids) != 2 || got != fmt.Sprint(pids["vm-1"]) {
		t.Errorf("%s of %v", got, pids)
	}
	for range 2 { // ending what has ended is no error
		if err := p.VMs().End(ctx, "vm-1"); err != nil {
			t.Error(err)
		}
		if !reaped(pids["vm-1"]) || reaped(pids["vm-2"]) {
			t.Errorf("%v: vm-1 is to be gone", pids)
		}
	}
	if got := ids(list(t, p)); !slices.Equal(got, []string{"vm-2"}) || len(p.PIDs()) != 1 {
		t.Errorf("%v, %v: only vm-2 stays", got, p.PIDs())
	}
	if err := p.Gone("vm-1"); err != nil {
		t.Errorf("it was told to end: %v", err)
	}
}

func TestATokenLaunchesOnce(t *testing.T) {
	p := open(t, local.Options{})
	ask := func(l providers.Launch, want ...string) {
		t.Helper()
		if got, err := p.VMs().Launch(t.Context(), l); err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("token %q: %v, %v; want %v", l.Token, ids(got), err, want)
		}
	}
	ask(launchOf("a", 2, "ok"), "vm-1", "vm-2")
	ask(launchOf("a", 2, "ok"), "vm-1", "vm-2")
	p.VMs().End(t.Context(), "vm-1")
	ask(launchOf("a", 2, "ok"), "vm-2")
	p.VMs().End(t.Context(), "vm-2")
	ask(launchOf("a", 2, "ok")) // all have ended, and none is launched again
	ask(launchOf("b", 1, "ok"), "vm-3")
	for _, other := range []providers.Launch{launchOf("b", 2, "ok"), launchOf("b", 1, "ok secret")} {
		_, err := p.VMs().Launch(t.Context(), other)
		isError(t, "a token of another launch", err, providers.ErrInvalid)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: it tells the setup", err)
		}
	}
	if a := p.Account(); a.VMs != 3 {
		t.Errorf("%+v", a)
	}
}

// A VM that fails to become ready is gone, and it is known why.
func TestVMsThatFailToStart(t *testing.T) {
	for mode, why := range map[string][]string{
		"dies":    {"it ended before it was ready", "exit status 3", "no such model"},
		"garbage": {"its ready line makes no sense", "JSON", "serflow-worker is ready"},
		"cannot":  {"model.onnx is damaged", "exit status"},
		"never":   {"it was not ready after", "still loading"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := local.Options{}
			if mode == "never" {
				o.Startup = 2 * time.Second
			}
			p := open(t, o)
			if _, err := p.VMs().Launch(t.Context(), launchOf("a", 1, mode)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is gone", func() bool { return len(list(t, p)) == 0 })
			err := p.Gone("vm-1")
			isError(t, "why it is gone", err, providers.ErrUnavailable)
			says(t, err, append(why, "vm-1")...)
			if err := p.VMs().End(t.Context(), "vm-1"); err != nil {
				t.Error(err)
			}
			if a := p.Account(); a.VMs != 1 || a.VMDollars != 3600 {
				t.Errorf("%+v: it is billed", a)
			}
		})
	}
}

// A program that cannot be started is found out when the VM has booted.
func TestAProgramThatCannotBeStarted(t *testing.T) {
	program := t.TempDir() + "/program"
	if err := os.WriteFile(program, []byte("#!/there/is/no/such/interpreter\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := open(t, local.Options{})
	l := launchOf("a", 1, "ok")
	l.Artifact = program
	if vms, err := p.VMs().Launch(t.Context(), l); err != nil || vms[0].Artifact != program {
		t.Fatalf("%v, %v", vms, err)
	}
	eventually(t, "it is gone", func() bool { return len(list(t, p)) == 0 })
	says(t, p.Gone("vm-1"), "vm-1", program)
}

func TestAVMThatIsKilled(t *testing.T) {
	p := open(t, local.Options{})
	ready(t, p, launchOf("a", 2, "ok"))
	pid := p.PIDs()["vm-1"]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return slices.Equal(ids(list(t, p)), []string{"vm-2"}) })
	if !reaped(pid) {
		t.Error("a zombie is left")
	}
	says(t, p.Gone("vm-1"), "it ended by itself", "signal: killed", "hello")
	if err := p.VMs().End(t.Context(), "vm-1"); err != nil {
		t.Errorf("ending what has died: %v", err)
	}
}

// Neither ends with its standard input: one does not care, the other is paused.
func TestVMsThatMustBeKilled(t *testing.T) {
	p := open(t, local.Options{Grace: 100 * time.Millisecond})
	ready(t, p, launchOf("a", 1, "stubborn"))
	ready(t, p, launchOf("b", 1, "ok"))
	pids := p.PIDs()
	if err := syscall.Kill(pids["vm-2"], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for id, pid := range pids {
		if err := p.VMs().End(t.Context(), id); err != nil || !reaped(pid) {
			t.Errorf("%s: %v, reaped %v", id, err, reaped(pid))
		}
	}
}

// An end that nobody waits for goes on. Until the process is gone, the VM is listed; it
// is billed no more.
func TestAnEndThatIsGivenUp(t *testing.T) {
	p := open(t, local.Options{Grace: time.Second})
	l := launchOf("a", 1, "stubborn")
	l.Offer = large
	ready(t, p, l)
	pid := p.PIDs()["vm-1"]
	hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := p.VMs().End(hasty, "vm-1")
	isError(t, "given up", err, context.DeadlineExceeded)
	if got := ids(list(t, p)); !slices.Equal(got, []string{"vm-1"}) {
		t.Errorf("%v", got)
	}
	a := p.Account()
	eventually(t, "it is gone", func() bool { return len(list(t, p)) == 0 })
	if !reaped(pid) || p.Account() != a || a.VMDollars != large.Cost(a.Lived) {
		t.Errorf("reaped %v, %+v and %+v", reaped(pid), a, p.Account())
	}
}

// No process is started before the boot delay is over, and a VM can be ended in it.
func TestTheBootDelay(t *testing.T) {
	p := open(t, local.Options{})
	l := launchOf("a", 3, "ok")
	l.Offer = slow
	if _, err := p.VMs().Launch(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	ready(t, open(t, local.Options{}), launchOf("b", 1, "ok")) // for as long as it takes without a delay
	if pids := p.PIDs(); len(pids) != 0 || list(t, p)[0].Address != "" {
		t.Errorf("%v, %v", pids, list(t, p))
	}
	if err := p.VMs().End(t.Context(), "vm-2"); err != nil {
		t.Error(err)
	}
	if got := ids(list(t, p)); !slices.Equal(got, []string{"vm-1", "vm-3"}) {
		t.Errorf("%v", got)
	}
}

// A setup may be longer than a pipe holds, whether the child reads it or not.
func TestLongSetups(t *testing.T) {
	p := open(t, local.Options{})
	long := "ok " + strings.Repeat("<é\n", 1<<18)
	vm := ready(t, p, launchOf("a", 1, long))[0]
	var start launch.Start
	json.Unmarshal([]byte(ask(t, vm, "start")), &start)
	if start.Setup != long {
		t.Errorf("%d bytes of setup have come, want %d", len(start.Setup), len(long))
	}
	deaf := open(t, local.Options{Env: []string{"LOCAL_TEST_DEAF=1"}, Grace: 100 * time.Millisecond})
	if _, err := deaf.VMs().Launch(t.Context(), launchOf("a", 1, long)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return len(deaf.PIDs()) == 1 })
	pid := deaf.PIDs()["vm-1"]
	if err := deaf.VMs().End(t.Context(), "vm-1"); err != nil || !reaped(pid) {
		t.Errorf("%v, reaped %v", err, reaped(pid))
	}
}

func TestLaunchesRefused(t *testing.T) {
	p := open(t, local.Options{})
	change := func(f func(*providers.Launch)) providers.Launch {
		l := launchOf("a", 1, "ok")
		f(&l)
		return l
	}
	for what, c := range map[string]struct {
		launch providers.Launch
		want   error
	}{
		"no token":                     {change(func(l *providers.Launch) { l.Token = "" }), providers.ErrInvalid},
		"an offer that is not sold":    {change(func(l *providers.Launch) { l.Offer.PerHour = 1 }), providers.ErrNotFound},
		"a program that is not there":  {change(func(l *providers.Launch) { l.Artifact = "/no/such/program" }), providers.ErrInvalid},
		"a setup that is no UTF-8":     {change(func(l *providers.Launch) { l.Setup = "\xff" }), providers.ErrInvalid},
		"a program that is a folder":   {change(func(l *providers.Launch) { l.Artifact = t.TempDir() }), providers.ErrInvalid},
		"stages that there cannot be":  {change(func(l *providers.Launch) { l.Stages = stage.Range{First: 2, Last: 1} }), providers.ErrInvalid},
		"an owner that is not there":   {change(func(l *providers.Launch) { l.Owner = "" }), providers.ErrInvalid},
		"an offer of another provider": {change(func(l *providers.Launch) { l.Offer = provisioner.VMOffer{Name: "x"} }), providers.ErrNotFound},
	} {
		_, err := p.VMs().Launch(t.Context(), c.launch)
		isError(t, what, err, c.want)
	}
	if a := p.Account(); a != (local.Account{}) {
		t.Errorf("%+v", a)
	}
	if err := p.VMs().End(t.Context(), "vm-7"); err != nil {
		t.Errorf("ending what was never there: %v", err)
	}
}
