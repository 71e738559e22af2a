//go:build unix

package local

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// setApart puts a child into a process group of its own: Ctrl-C in a terminal is for the
// owner, which may have requests to finish before it ends its children.
//
// There is no Pdeathsig: it comes when the thread ends that has started the child, which
// is not when the owner ends.
func setApart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill kills a child that has not been reaped, and what it has started itself.
func kill(p *os.Process) {
	syscall.Kill(-p.Pid, syscall.SIGKILL)
	p.Kill()
}

// exhausted tells whether something failed for want of files, processes, memory or ports:
// it may succeed when others have ended.
func exhausted(err error) bool {
	return slices.ContainsFunc([]error{
		syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM, syscall.ENOBUFS, syscall.EADDRNOTAVAIL,
	}, func(no error) bool { return errors.Is(err, no) })
}
