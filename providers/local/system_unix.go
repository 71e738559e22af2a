//go:build unix

package local

import (
	"os"
	"os/exec"
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
