//go:build unix

package gcp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script is run by a shell: it starts the program with a file that holds exactly what it is
// told, whatever that is, and shuts down afterwards, also if there is no such program.
func TestTheScriptOfAVM(t *testing.T) {
	setup := `{"credential":"it's $HOME ` + "`id`" + ` \\ END_OF_START"}`
	for what, command := range map[string]string{"a worker": `cat "$SERFLOW_WORKER"`, "no such program": "/no/such/program"} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			text, err := VMOptions{Port: 8080, Command: command}.startup(setup)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "shutdown"), []byte("#!/bin/sh\necho down $*\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(text, "/run/serflow", dir))
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			out, err := cmd.Output()
			if err != nil || !strings.HasSuffix(string(out), "down -h now\n") {
				t.Errorf("%q, %v", out, err)
			}
			want := `{"kind":"vm","listen":"0.0.0.0:8080","setup":"{\"credential\":\"it's $HOME ` + "`id`" + ` \\\\ END_OF_START\"}","pace":1}` + "\n"
			if got, err := os.ReadFile(filepath.Join(dir, "start.json")); err != nil || string(got) != want || what == "a worker" && !strings.HasPrefix(string(out), want) {
				t.Errorf("it is told %s, %v; want %s", got, err, want)
			}
			if info, err := os.Stat(filepath.Join(dir, "start.json")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}
