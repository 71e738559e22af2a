//go:build unix

package local_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// middleMode is the variable that makes the test binary a program that rents, which a
// test watches from outside.
const middleMode = "LOCAL_TEST_MIDDLE"

func TestMain(m *testing.M) {
	if os.Getenv(launch.Environment) == launch.Stdin {
		if how := os.Getenv(realWorker); how != "" {
			becomeWorker(how)
		}
		fakeWorker()
		return
	}
	if mode := os.Getenv(middleMode); mode != "" {
		middle(mode)
		return
	}
	launch.Arm()
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

var (
	small = provisioner.VMOffer{Name: "small", VCPUs: 0.25, PerHour: 3600, Minimum: time.Hour}
	large = provisioner.VMOffer{Name: "large", VCPUs: 8, PerHour: 7200}
	slow  = provisioner.VMOffer{Name: "boots for an hour", PerHour: 1}

	half  = provisioner.FunctionOffer{Name: "half a vCPU", MemoryMB: 1769 / 2, PerCall: 0.5, PerGBSecond: 1}
	whole = provisioner.FunctionOffer{Name: "two vCPUs", MemoryMB: 2 * 1769, PerGBSecond: 1, Concurrency: 1}
	cold  = provisioner.FunctionOffer{Name: "starts for an hour", MemoryMB: 1769, PerGBSecond: 1}
)

// offers are what the tests rent.
func offers(o local.Options) local.Options {
	o.VMs = []local.VM{{Offer: small}, {Offer: large}, {Offer: slow, Boot: time.Hour}}
	o.Functions = []local.Function{{Offer: half, Cold: time.Millisecond}, {Offer: whole}, {Offer: cold, Cold: time.Hour}}
	if o.Program == "" {
		o.Program = local.Self
	}
	return o
}

func open(t *testing.T, o local.Options) *local.Provider {
	t.Helper()
	p, err := local.Open(offers(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func launchOf(token string, vms int, setup string) providers.Launch {
	return providers.Launch{Token: token, Owner: "shop", Offer: small, Stages: stage.Range{First: 0, Last: 2}, VMs: vms, Setup: setup}
}

func specOf(setup string) providers.FunctionSpec {
	return providers.FunctionSpec{Owner: "shop", Offer: half, Stages: stage.Range{First: 1, Last: 2}, Setup: setup}
}

func ids(instances []providers.Instance) (list []string) {
	for _, x := range instances {
		list = append(list, x.ID)
	}
	return list
}

func isError(t *testing.T, what string, err, want error) {
	t.Helper()
	var e *providers.Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Provider != "local" || e.Op == "" {
		t.Errorf("%s: %v, want a *providers.Error with %v", what, err, want)
	}
}

// says fails the test unless an error's text has all parts.
func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: it does not say %q", err, part)
		}
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	if !within(time.Minute, so) {
		t.Fatalf("never: %s", what)
	}
}

func within(limit time.Duration, so func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if so() {
			return true
		}
	}
	return so()
}

// reaped tells whether there is no such process, not even a zombie.
func reaped(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func number(t *testing.T, text []byte) int {
	t.Helper()
	n, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// list is the VMs of the shop.
func list(t *testing.T, p *local.Provider) []providers.Instance {
	t.Helper()
	vms, err := p.VMs().List(context.WithoutCancel(t.Context()), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return vms
}

// ready launches VMs and waits until they all serve.
func ready(t *testing.T, p *local.Provider, l providers.Launch) []providers.Instance {
	t.Helper()
	if vms, err := p.VMs().Launch(t.Context(), l); err != nil || len(vms) != l.VMs {
		t.Fatalf("%v, %v", vms, err)
	}
	eventually(t, "the VMs are ready", func() bool {
		for _, vm := range list(t, p) {
			if vm.Address == "" {
				return false
			}
		}
		return true
	})
	vms, err := p.VMs().Launch(t.Context(), l)
	if err != nil || len(vms) != l.VMs {
		t.Fatalf("%v, %v", vms, err)
	}
	return vms
}
