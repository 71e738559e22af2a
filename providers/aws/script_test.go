//go:build unix

package aws

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// The script is run by a shell: it starts the program with a file that holds exactly what it is
// told, whatever that is, and shuts down afterwards, also if there is no such program.
func TestTheScriptOfAVM(t *testing.T) {
	setup := `{"credential":"it's $HOME ` + "`id`" + ` \\ END_OF_START"}`
	for what, command := range map[string]string{"a worker": `cat "$SERFLOW_WORKER"`, "no such program": "/no/such/program"} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			text, err := VMOptions{Port: 8080, Command: command}.userData(setup)
			if err != nil {
				t.Fatal(err)
			}
			script, _ := base64.StdEncoding.DecodeString(text)
			here := strings.ReplaceAll(string(script), "/run/serflow", dir)
			if err := os.WriteFile(filepath.Join(dir, "shutdown"), []byte("#!/bin/sh\necho down $*\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/bin/sh", "-c", here)
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

// What tags say of an offer and stages is read again as it was.
func TestTagsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := provisioner.VMOffer{
			Name: rapid.String().Draw(t, "name"), Arch: rapid.SampledFrom([]string{"", "arm64", "amd64"}).Draw(t, "arch"),
			VCPUs: rapid.Float64Range(0, 1e6).Draw(t, "vcpus"), MemoryGB: rapid.Float64Range(0, 1e6).Draw(t, "gb"),
			PerHour: rapid.Float64Range(0, 1e6).Draw(t, "hour"), Interruptions: rapid.Float64Range(0, 10).Draw(t, "interruptions"),
			Market: rapid.SampledFrom([]provisioner.Market{provisioner.OnDemand, provisioner.Spot, provisioner.Committed}).Draw(t, "market"),
		}
		if err := fits("terms", terms(o)); err != nil {
			t.Fatal(err)
		}
		if got := offerFrom(o.Name, terms(o)); got != o {
			t.Errorf("%+v, want %+v", got, o)
		}
		r := stage.Range{First: rapid.IntRange(0, 99).Draw(t, "first"), Last: rapid.IntRange(0, 99).Draw(t, "last")}
		if got := stagesFrom(stagesText(r)); got != r {
			t.Errorf("%v, want %v", got, r)
		}
		spoilt := rapid.String().Draw(t, "tags that somebody has changed")
		offerFrom("x", spoilt)
		if got := stagesFrom(spoilt); !strings.Contains(spoilt, "-") && got != (stage.Range{First: -1, Last: -1}) {
			t.Errorf("stages %q are %v", spoilt, got)
		}
	})
}
