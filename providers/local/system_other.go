//go:build !unix && !windows

package local

import (
	"os"
	"os/exec"
)

// setApart does nothing: there are no process groups that are known here.
func setApart(*exec.Cmd) {}

// kill kills a child.
func kill(p *os.Process) { p.Kill() }
