//go:build unix

package boot

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/serflow/serflow-go/internal/fakeaws"
)

// Shell has user data run by /bin/sh in a folder, with what a VM has to itself put there: /run, and
// what listens at 0.0.0.0 listens at the VM's own address. Commands are programs that the script finds
// in its path, as shell scripts by name; to shut down is the script's end. Out is what it says.
func Shell(dir string, commands map[string]string, out io.Writer) (func(context.Context, fakeaws.Machine), error) {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return nil, err
	}
	all := map[string]string{"shutdown": "exit 0"}
	for name, script := range commands {
		all[name] = script
	}
	for name, script := range all {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, m fakeaws.Machine) {
		home := filepath.Join(dir, m.ID)
		script := strings.NewReplacer("/run/", home+"/", "0.0.0.0:", m.Address+":").Replace(m.UserData)
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.Stdout, cmd.Stderr = out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		if err := os.MkdirAll(home, 0o700); err != nil {
			fmt.Fprintln(out, err)
			return
		}
		if err := cmd.Run(); err != nil && ctx.Err() == nil {
			fmt.Fprintln(out, m.ID, err)
		}
	}, nil
}
