//go:build unix

package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
)

// middle is a program that rents. It ends with a line that says ok, or what is wrong.
func middle(mode string) {
	err := map[string]func(context.Context) error{"orphans": orphans, "unarmed": unarmed, "exhausted": exhausted}[mode](context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func runMiddle(t *testing.T, mode string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), middleMode+"="+mode)
	if text, err := cmd.CombinedOutput(); err != nil || string(text) != "ok\n" {
		t.Errorf("%v: %s", err, text)
	}
}

// stopped tells whether a process runs no more. It may be a zombie: an orphan is reaped
// by another.
func stopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return reaped(pid) || err == nil && bytes.Contains(stat, []byte(") Z "))
}

// unarmed has not called worker.Main, and must not be started as a child.
func unarmed(ctx context.Context) error {
	link := os.Args[1]
	for _, program := range []string{local.Self, os.Args[0], link} {
		if _, err := local.Open(offers(local.Options{Program: program})); !errors.Is(err, providers.ErrInvalid) || !strings.Contains(err.Error(), "worker.Main") {
			return fmt.Errorf("program %q: %v", program, err)
		}
	}
	o := offers(local.Options{})
	o.Program = ""
	p, err := local.Open(o)
	if err != nil {
		return err
	}
	defer p.Close()
	l, s := launchOf("a", 1, "ok"), specOf("ok")
	l.Artifact, s.Artifact = link, local.Self
	if _, err := p.VMs().Launch(ctx, l); !errors.Is(err, providers.ErrInvalid) {
		return fmt.Errorf("a launch: %v", err)
	}
	if _, err := p.Functions().Ensure(ctx, s); !errors.Is(err, providers.ErrInvalid) {
		return fmt.Errorf("a function: %v", err)
	}
	return nil
}

// A program that would not become a worker is not started, by whatever name.
func TestUnarmed(t *testing.T) {
	link := t.TempDir() + "/link"
	if err := os.Symlink(os.Args[0], link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], link)
	cmd.Env = append(os.Environ(), middleMode+"=unarmed")
	if text, err := cmd.CombinedOutput(); err != nil || string(text) != "ok\n" {
		t.Errorf("%v: %s", err, text)
	}
}

// scripted launches a shell script that starts a process that sleeps, and says its ID.
func scripted(t *testing.T, p *local.Provider, rest string) (sleeper func() int) {
	t.Helper()
	program, said := t.TempDir()+"/program", t.TempDir()+"/pid"
	script := "#!/bin/sh\nsleep 300 &\necho $! >" + said + ".part\nmv " + said + ".part " + said + "\n" + rest + "\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	l := launchOf("a", 1, "ok")
	l.Artifact = program
	if _, err := p.VMs().Launch(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return func() int {
		t.Helper()
		eventually(t, "the script has started another", func() bool { _, err := os.Stat(said); return err == nil })
		text, _ := os.ReadFile(said)
		return number(t, bytes.TrimSpace(text))
	}
}

// A child is the leader of a process group of its own, so that Ctrl-C does not reach it,
// and what it has started is killed with it.
func TestProcessGroups(t *testing.T) {
	p := open(t, local.Options{Grace: 100 * time.Millisecond})
	sleeper := scripted(t, p, "wait")()
	defer func() {
		if t.Failed() {
			syscall.Kill(sleeper, syscall.SIGKILL)
		}
	}()
	eventually(t, "it runs", func() bool { return len(p.PIDs()) == 1 })
	pid := p.PIDs()["vm-1"]
	for _, x := range []int{pid, sleeper} {
		if group, err := syscall.Getpgid(x); err != nil || group != pid {
			t.Errorf("process %d is in group %d, %v; want %d", x, group, err, pid)
		}
	}
	if err := p.VMs().End(t.Context(), "vm-1"); err != nil || !reaped(pid) {
		t.Errorf("%v, reaped %v", err, reaped(pid))
	}
	eventually(t, "the other has ended", func() bool { return stopped(sleeper) })
}

// A process that a child leaves behind, with its output, holds up nothing.
func TestAChildThatLeavesAnother(t *testing.T) {
	p := open(t, local.Options{})
	sleeper := scripted(t, p, "exit 0")
	defer func() { syscall.Kill(sleeper(), syscall.SIGKILL) }()
	if !within(30*time.Second, func() bool { return len(list(t, p)) == 0 }) {
		t.Error("its output is awaited")
	}
	says(t, p.Gone("vm-1"), "exit status 0")
}
