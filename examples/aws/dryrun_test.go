//go:build !race

// The planner takes ten times as long with the race detector.

package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
)

// Without arguments nobody is asked: the plan is printed, and every call with what it says.
func TestTheDryRun(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("SERFLOW_CREDENTIAL", "a secret that nobody is shown")
	dir := t.TempDir()
	t.Setenv("SERFLOW_STATE", filepath.Join(dir, "state"))
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} { // where state is kept by default
		t.Setenv(name, dir)
	}
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "nobody is shown") {
		t.Error("it shows the credential")
	}
	if wrote, err := os.ReadDir(dir); err != nil || len(wrote) > 0 {
		t.Errorf("it writes %v, the state of the service? %v", wrote, err)
	}
	arch := "arm64"
	if runtime.GOOS == "linux" { // of the program that would be deployed
		arch = runtime.GOARCH
	}
	rest := out.String()
	for _, part := range []string{
		"dollars an hour", `VMs of "` + types[arch][0] + `"`, "Deploy and serve", "PUT /example-bucket/serflow/shouting-example/worker",
		"POST /2015-03-31/functions\n", `Architectures: ["` + map[string]string{"arm64": "arm64", "amd64": "x86_64"}[arch] + `"]`, `Runtime: "provided.al2023"`, "ec2 RunInstances", "HttpTokens: required", "serflow:owner", "aws s3 cp", "shutdown -h now",
		"Tear down", "ec2 TerminateInstances", "DELETE /2015-03-31/functions/serflow-",
	} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not printed, or not in its place:\n%s", part, out.String())
		}
		rest = after
	}
}

// VMs that are not there have no addresses: whoever listens at them may be anybody.
func TestTheDryRunAsksNobody(t *testing.T) {
	s := settings{subnets: []string{"subnet-1"}, config: configOf(nil), arch: "arm64", owner: "shop", instanceRole: "worker"}
	s.config = configOf(fakeaws.Client{Cloud: s.fake(nil)})
	vms, err := s.vms(deployed{}).Launch(t.Context(), providers.Launch{Token: "a", Owner: "shop", Offer: s.offer().Offer, VMs: 1})
	if err != nil || len(vms) != 1 || vms[0].Address != "" {
		t.Errorf("%+v, %v", vms, err)
	}
}

func TestAProgramThatIsNone(t *testing.T) {
	err := run(t.Context(), []string{"-program", "dryrun_test.go"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "GOOS=linux") {
		t.Error(err)
	}
}
