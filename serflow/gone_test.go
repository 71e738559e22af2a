package serflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
)

// dying is the variable that has children of the test binary end at once: all of them, or all
// but those that find the file of that name.
const dying = "SERFLOW_TEST_DIES"

// dies is what such a child does.
func dies() {
	file := os.Getenv(dying)
	if file == "" || os.Getenv(launch.Environment) == "" {
		return
	}
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600); err != nil && file != os.DevNull {
		return
	} else if err == nil {
		f.Close()
	}
	fmt.Fprintln(os.Stderr, "no licence")
	os.Exit(7)
}

// vmsAlone is a plan without functions.
func vmsAlone(vms int) provisioner.Plan { return provisioner.Plan{VMs: vmsAndFunctions(vms).VMs} }

// A VM whose program ends at once is replaced at once, though no list has ever had it.
func TestVMThatDiesBeforeItIsListed(t *testing.T) {
	cloud := openLocal(t, local.Options{Env: []string{dying + "=" + filepath.Join(t.TempDir(), "died")}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // half of what a fleet waits for a list to be right
	defer cancel()
	p, err := serflow.Open(ctx, rentedModel, serflow.On(cloud.VMs(), nil), serflow.Owner("test"), serflow.Limits(generous), serflow.Plan(vmsAlone(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	check(t, p, 1)
	if pids := cloud.PIDs(); len(pids) != 1 || pids["vm-2"] == 0 {
		t.Errorf("%v", pids)
	}
}

// An Open whose VMs all die says what their program said.
func TestOpenSaysWhyVMsDie(t *testing.T) {
	cloud := openLocal(t, local.Options{Env: []string{dying + "=" + os.DevNull}, Log: io.Discard})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := serflow.Open(ctx, rentedModel, serflow.On(cloud.VMs(), nil), serflow.Owner("test"), serflow.Limits(generous), serflow.Plan(vmsAlone(1)))
	typed(t, "dead VMs", err, serflow.ErrDeadline)
	for _, part := range []string{"exit status 7", "no licence", "see why the program ends"} {
		if !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("%v: it does not say %q", err, part)
		}
	}
	if e := new(serflow.Error); errors.As(err, &e) && strings.Contains(e.Remedy, "allow more time") {
		t.Errorf("remedy %q", e.Remedy)
	}
}

// A provider that says nothing of its VMs lists them: one that has had an address, is not
// ready and is in no list has ended.
func TestVMThatIsNeverListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: time.Second}})
		s.after = func(_ int, op string) {
			if op == "launch" && s.Account().VMs == 1 {
				s.VMs().End(context.Background(), "vm-1")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		p, err := serflow.Open(ctx, rentedModel, s.options(serflow.Plan(vmsAlone(1)), serflow.On(s.vms(), nil))...)
		if err != nil {
			t.Error(err)
		}
		s.closed(t, p)
	})
}
