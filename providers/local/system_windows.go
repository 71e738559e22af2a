package local

import (
	"os"
	"os/exec"
	"syscall"
)

// setApart puts a child into a process group of its own: Ctrl-C in a console is for the
// owner, which may have requests to finish before it ends its children.
func setApart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// kill kills a child.
func kill(p *os.Process) { p.Kill() }
