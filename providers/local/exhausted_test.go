//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
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
	debug.SetGCPercent(-1) // which would close what is forgotten
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
	for _, step := range []func(context.Context, *local.Provider, string) error{
		refusedWithoutFiles, rentsWithFewFiles, connectsWithoutFiles, endsWhileItBoots, closesWhileItStarts,
	} {
		if err := step(ctx, p, fn.ID); err != nil {
			return err
		}
	}
	p.Close()
	if !within(time.Minute, func() bool { return room() >= before }) {
		return fmt.Errorf("%d files are left open", before-room())
	}
	return nil
}

func refusedWithoutFiles(ctx context.Context, p *local.Provider, function string) error {
	var f files
	f.fill()
	defer func() { f.give(len(f)) }()
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

// rentsWithFewFiles has room for one VM of two.
func rentsWithFewFiles(ctx context.Context, p *local.Provider, _ string) error {
	var f files
	f.fill()
	defer func() { f.give(len(f)) }()
	f.give(12)
	if vms, err := p.VMs().Launch(ctx, launchOf("few", 2, "ok")); err != nil || len(vms) != 1 {
		return fmt.Errorf("a launch with 12 files: %v, %v", vms, err)
	}
	served := func() bool {
		vms, _ := p.VMs().List(ctx, "shop")
		return len(vms) == 1 && vms[0].Address != ""
	}
	if !within(time.Minute, served) {
		return fmt.Errorf("the VM is not ready: %v", p.Gone("vm-1"))
	}
	return nil
}

// connectsWithoutFiles cannot connect to a process that is warm, and that stays.
func connectsWithoutFiles(ctx context.Context, p *local.Provider, function string) error {
	if _, err := p.Functions().Invoke(ctx, function, []byte("close")); err != nil {
		return err
	}
	var f files
	if !within(time.Minute, func() bool { // the old connection may take its time
		f.fill()
		_, err := p.Functions().Invoke(ctx, function, []byte("close"))
		f.give(len(f))
		return errors.Is(err, providers.ErrThrottled) && errors.Is(err, syscall.EMFILE)
	}) {
		return errors.New("calls without files are not throttled")
	}
	if got, err := p.Functions().Invoke(ctx, function, nil); err != nil || got.Cold != 0 {
		return fmt.Errorf("a call afterwards: %+v, %v", got, err)
	}
	return nil
}

func endsWhileItBoots(ctx context.Context, p *local.Provider, _ string) error {
	l := launchOf("slow", 1, "ok")
	l.Offer = slow
	vms, err := p.VMs().Launch(ctx, l)
	if err != nil {
		return err
	}
	return p.VMs().End(ctx, vms[0].ID)
}

func closesWhileItStarts(ctx context.Context, p *local.Provider, _ string) error {
	s := specOf("ok")
	s.Offer = cold
	fn, err := p.Functions().Ensure(ctx, s)
	if err != nil {
		return err
	}
	hasty, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := p.Functions().Invoke(hasty, fn.ID, nil); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("a call that starts for an hour: %v", err)
	}
	return p.Close()
}

// Files that have run out refuse what is begun, break nothing that runs, and none is lost.
func TestFilesExhausted(t *testing.T) { runMiddle(t, "exhausted") }
