//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
)

// files is open files, as many as there can be.
type files []*os.File

func (f *files) fill() {
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			return
		}
		*f = append(*f, file)
	}
}

func (f *files) give(n int) {
	for range n {
		last := len(*f) - 1
		(*f)[last].Close()
		*f = (*f)[:last]
	}
}

// room is how many files can be opened.
func room() int {
	var f files
	f.fill()
	n := len(f)
	f.give(n)
	return n
}

// exhausted rents when no file can be opened any more.
func exhausted(ctx context.Context) error {
	launch.Arm()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	p, err := local.Open(offers(local.Options{}))
	if err != nil {
		return err
	}
	defer p.Close()
	fn, err := p.Functions().Ensure(ctx, specOf("ok"))
	if err != nil {
		return err
	}
	room() // what the runtime opens for the first file stays open
	before := room()
	var f files
	f.fill()
	if err := refusedWithoutFiles(ctx, p, fn.ID); err != nil {
		return err
	}
	if err := rentsWithFewFiles(ctx, p, fn.ID, &f); err != nil {
		return err
	}
	f.give(len(f))
	if _, err := p.Functions().Invoke(ctx, fn.ID, nil); err != nil {
		return err
	}
	p.Close()
	if !within(time.Minute, func() bool { return room() >= before }) {
		return fmt.Errorf("%d files are left open", before-room())
	}
	return nil
}

func refusedWithoutFiles(ctx context.Context, p *local.Provider, function string) error {
	_, err := p.VMs().Launch(ctx, launchOf("none", 1, "ok"))
	if !errors.Is(err, providers.ErrInsufficientCapacity) || !errors.Is(err, syscall.EMFILE) || !providers.Refused(err) {
		return fmt.Errorf("a launch without files: %v", err)
	}
	_, err = p.Functions().Invoke(ctx, function, nil)
	if !errors.Is(err, providers.ErrThrottled) || !errors.Is(err, syscall.EMFILE) || !providers.Refused(err) {
		return fmt.Errorf("a call without files: %v", err)
	}
	if a := p.Account(); a != (local.Account{Throttled: 1}) {
		return fmt.Errorf("%+v", a)
	}
	return nil
}

// rentsWithFewFiles has room for one VM of two. Then a function whose process runs cannot
// be connected to, and a VM cannot be connected to either, but both stay.
func rentsWithFewFiles(ctx context.Context, p *local.Provider, function string, f *files) error {
	f.give(12)
	l := launchOf("few", 2, "ok")
	if vms, err := p.VMs().Launch(ctx, l); err != nil || len(vms) != 1 {
		return fmt.Errorf("a launch with 12 files: %v, %v", vms, err)
	}
	served := func() bool {
		vms, _ := p.VMs().List(ctx, "shop")
		return len(vms) == 1 && vms[0].Address != ""
	}
	if !within(time.Minute, served) {
		return fmt.Errorf("the VM is not ready: %v", p.Gone("vm-1"))
	}
	if _, err := p.Functions().Invoke(ctx, function, nil); !errors.Is(err, providers.ErrThrottled) {
		return fmt.Errorf("a call with few files: %v", err)
	}
	return nil
}

// Files that have run out refuse what is begun, break nothing that runs, and none is lost.
func TestFilesExhausted(t *testing.T) { runMiddle(t, "exhausted") }
