//go:build unix

package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
	"github.com/serflow/serflow-go/stage/worker"
)

// realWorker is the variable that makes a child of the test binary a worker in earnest: one
// that opens its model at once, or takes a minute for that.
const realWorker = "LOCAL_TEST_REAL_WORKER"

const (
	opensAtOnce = "opens at once"
	opensSlowly = "takes a minute to open"
)

// busyFor is longer than any child may outlive its parent.
const busyFor = time.Minute

// becomeWorker does not return.
func becomeWorker(how string) {
	time.AfterFunc(2*busyFor, func() { os.Exit(9) }) // should a test forget it
	fmt.Fprintln(os.Stderr, "pid", os.Getpid())
	worker.Main(stubborn(how == opensSlowly))
}

// stubborn has one stage, which heeds nothing and is busy for a minute: when it is opened, or
// when it is run.
func stubborn(opening bool) stage.Model {
	return stage.NewModel("stubborn", stage.New("only", source{opening}, exit.Final()))
}

type source struct{ opening bool }

func (s source) Fingerprint() (string, error) { return "1", nil }
func (s source) Close() error                 { return nil }

func (s source) Open(context.Context) (stage.Runner, error) {
	if s.opening {
		fmt.Fprintln(os.Stderr, "opening")
		time.Sleep(busyFor)
	}
	return s, nil
}

func (s source) Run(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) {
	fmt.Fprintln(os.Stderr, "busy")
	time.Sleep(busyFor)
	return in, nil
}

// heard is a log that can be listened to.
type heard chan string

func (h heard) Write(b []byte) (int, error) {
	h <- string(b)
	return len(b), nil
}

// until listens until each of some lines has come and so many processes have been heard of,
// and says which.
func (h heard) until(processes int, lines ...string) (pids []string) {
	for len(lines) > 0 || len(pids) < processes {
		line := <-h
		if _, pid, ok := strings.Cut(strings.TrimSpace(line), ": pid "); ok {
			pids = append(pids, pid)
		}
		if i := slices.Index(lines, line); i >= 0 {
			lines = slices.Delete(lines, i, i+1)
		}
	}
	return pids
}

// orphans rents real workers: a VM and a function that idle, a VM and a function that are
// busy, and a VM that opens its model. Then it says the IDs of its children, and waits to be
// killed.
func orphans(ctx context.Context) error {
	launch.Arm()
	said := make(heard, 1000)
	cloud, err := local.Open(offers(local.Options{Env: []string{realWorker + "=" + opensAtOnce}, Log: said}))
	if err != nil {
		return err
	}
	slow, err := local.Open(offers(local.Options{Env: []string{realWorker + "=" + opensSlowly}, Log: said}))
	if err != nil {
		return err
	}
	setup := launch.Setup{Credential: "secret"}.String()
	fn, err := cloud.Functions().Ensure(ctx, specOf(setup))
	if err != nil {
		return err
	}
	fingerprint, err := stubborn(false).Fingerprint()
	if err != nil {
		return err
	}
	request := remote.Request{Fingerprint: fingerprint, Inputs: []stage.Tensor{stage.Float32("x", []int64{1, 1}, []float32{0})}}
	invoke := func(r remote.Request) error {
		_, err := remote.Over(ctx, r, func(ctx context.Context, body []byte) ([]byte, error) {
			i, err := cloud.Functions().Invoke(ctx, fn.ID, body)
			return i.Body, err
		})
		return err
	}
	if _, err := cloud.VMs().Launch(ctx, launchOf("a", 2, setup)); err != nil {
		return err
	}
	if _, err := slow.VMs().Launch(ctx, launchOf("b", 1, setup)); err != nil {
		return err
	}
	vms, err := cloud.VMs().List(ctx, "shop")
	if !within(time.Minute, func() bool {
		vms, err = cloud.VMs().List(ctx, "shop")
		return err == nil && vms[0].Address != "" && vms[1].Address != ""
	}) {
		return fmt.Errorf("the VMs are not ready: %v, %v", vms, err)
	}
	busy := remote.Dial(vms[1].Address, remote.Options{Model: "stubborn", Fingerprint: fingerprint, Credential: "secret"})
	go busy.Run(ctx, request)
	go invoke(request)
	pids := said.until(4, "vm-2: busy\n", fn.ID+": busy\n", "vm-1: opening\n")
	nothing := request
	nothing.Stages = stage.Range{First: 1, Last: 1}
	if err := invoke(nothing); !errors.Is(err, stage.ErrInput) { // in a process of its own, as the other is busy
		return fmt.Errorf("a function that idles: %v", err)
	}
	pids = append(pids, said.until(1)...)
	fmt.Printf("%s\n\n", strings.Join(pids, "\n"))
	time.Sleep(2 * time.Minute)
	return errors.New("not killed")
}

// The children of a program that is killed with SIGKILL are gone within five seconds,
// whatever they are doing. They have a few more here, for a machine that is busy too.
func TestTheParentIsKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), middleMode+"=orphans")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for said := bufio.NewScanner(output); said.Scan() && said.Text() != ""; {
		pids = append(pids, number(t, said.Bytes()))
	}
	for _, pid := range pids {
		if stopped(pid) {
			t.Errorf("process %d does not run", pid)
		}
	}
	parent.Process.Kill()
	parent.Wait()
	if len(pids) != 5 {
		t.Errorf("%v: want the processes of three VMs and a function's two", pids)
	}
	for _, pid := range pids {
		if !within(10*time.Second, func() bool { return stopped(pid) }) {
			t.Errorf("process %d is left", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
