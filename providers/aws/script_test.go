//go:build unix

package aws

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
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

// What tags of a function say is read again as it was, whatever the owner is called, and has only
// characters that Lambda takes.
func TestTagsOfFunctionsReadAgain(t *testing.T) {
	allowed := regexp.MustCompile(`^[a-zA-Z0-9 +=._:/@-]*$`)
	rapid.Check(t, func(t *rapid.T) {
		s := providers.FunctionSpec{
			Owner: rapid.String().Draw(t, "owner"), Artifact: rapid.String().Draw(t, "artifact"), Stages: stage.Range{First: 1, Last: rapid.IntRange(1, 9).Draw(t, "last")},
			Offer: provisioner.FunctionOffer{
				Name: rapid.String().Draw(t, "name"), Arch: "arm64", MemoryMB: rapid.IntRange(128, 10240).Draw(t, "mb"),
				PerCall: rapid.Float64Range(0, 1).Draw(t, "call"), PerGBSecond: rapid.Float64Range(0, 1).Draw(t, "gbs"), IdlePerHour: rapid.Float64Range(0, 9).Draw(t, "idle"),
				Round: time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "round")), Concurrency: rapid.IntRange(0, 1e6).Draw(t, "concurrency"),
				Timeout: longestCall, Payload: onlambda.LongestBody,
			},
		}
		tags := functionTags(s, time.Unix(1, 5))
		for key, value := range tags {
			if !allowed.MatchString(value) {
				t.Errorf("%s: %q", key, value)
			}
		}
		if got, created := functionFrom("f", tags); got.FunctionSpec != s || got.ID != "f" || created != 1e9+5 {
			t.Errorf("%+v at %d, want %+v", got, created, s)
		}
		other := s
		other.Setup = "x"
		var o FunctionOptions
		name, another := o.nameOf(s, code{}), o.nameOf(other, code{})
		if name == another || len(name) > 64 || !strings.HasPrefix(name, prefixOf(s.Owner)) {
			t.Errorf("%s and %s", name, another)
		}
		spoilt := rapid.String().Draw(t, "tags that somebody has changed")
		unplain(spoilt)
		functionOfferFrom("x", spoilt)
	})
}

// Whatever is in a log, it is read or not; what has no report has none.
func TestReports(t *testing.T) {
	for log, want := range map[string]report{
		"REPORT RequestId: 1\tDuration: 102.25 ms\tBilled Duration: 353 ms\tMemory Size: 1769 MB\tMax Memory Used: 71 MB\tInit Duration: 250.30 ms\t\nXRAY x": {353 * time.Millisecond, 250300 * time.Microsecond, 1769, 71},
		"REPORT RequestId: 0\tBilled Duration: 9 ms\nREPORT RequestId: 1\tBilled Duration: 4 ms":                                                              {billed: 4 * time.Millisecond},
		"REPORT RequestId: 1\tDuration: 102.25 ms": {},
		"Billed Duration: 4 ms":                    {},
		"":                                         {},
		"REPORT RequestId: 1\tBilled Duration: 99999999999999999999 ms": {},
		"REPORT RequestId: 1\tBilled Duration: 1.2.3 ms":                {},
	} {
		if got, ok := reportIn(log); got != want || ok != (want.billed > 0) {
			t.Errorf("%q: %+v, %v; want %+v", log, got, ok, want)
		}
	}
}

// What tags say of an offer and stages is read again as it was.
func TestTagsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := provisioner.VMOffer{
			Name: rapid.String().Draw(t, "name"), Arch: rapid.SampledFrom([]string{"", "arm64", "amd64"}).Draw(t, "arch"),
			VCPUs: rapid.Float64Range(0, 1e6).Draw(t, "vcpus"), MemoryGB: rapid.Float64Range(0, 1e6).Draw(t, "gb"),
			PerHour: rapid.Float64Range(0, 1e6).Draw(t, "hour"), Interruptions: rapid.Float64Range(0, 10).Draw(t, "interruptions"),
			Minimum: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "minimum")),
			Market:  rapid.SampledFrom([]provisioner.Market{provisioner.OnDemand, provisioner.Spot, provisioner.Committed}).Draw(t, "market"),
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
