package local

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// setApart puts a child into a process group of its own: Ctrl-C in a console is for the
// owner, which may have requests to finish before it ends its children.
func setApart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// kill kills a child.
func kill(p *os.Process) { p.Kill() }

// What Windows answers when something has run out, as in its winerror.h.
const (
	errTooManyOpenFiles  syscall.Errno = 4
	errNotEnoughMemory   syscall.Errno = 8
	errNoSystemResources syscall.Errno = 1450
	errCommitmentLimit   syscall.Errno = 1455
	wsaTooManySockets    syscall.Errno = 10024
	wsaAddressesUsedUp   syscall.Errno = 10049
	wsaNoBufferSpace     syscall.Errno = 10055
)

// exhausted tells whether something failed for want of files, processes, memory or ports:
// it may succeed when others have ended.
func exhausted(err error) bool {
	return slices.ContainsFunc([]error{
		errTooManyOpenFiles, errNotEnoughMemory, errNoSystemResources, errCommitmentLimit,
		wsaTooManySockets, wsaAddressesUsedUp, wsaNoBufferSpace,
	}, func(no error) bool { return errors.Is(err, no) })
}
